/// @file Reads the parameters of one group, typed, and knows afterwards which names nobody asked
/// for.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace reprise {

/// Inclusive.
struct IntegerRange {
    std::int64_t least = 0;
    std::int64_t most = 0;
};

/// A parameter that is absent or None counts as not given. Everything throws InputError for a
/// value of another type or out of range. The group must outlive the reader.
class ParameterReader {
  public:
    /// @param prefix "runner." or "", for messages.
    ParameterReader(nlohmann::ordered_json const& group, std::string prefix);

    /// Floats without a fraction are taken as integers: optimisers send them.
    std::optional<std::int64_t> integer(std::string const& name, IntegerRange range);
    std::optional<double> number_from_zero(std::string const& name);
    std::optional<bool> boolean(std::string const& name);
    /// Not empty.
    std::optional<std::string> text(std::string const& name);
    /// May be empty.
    std::optional<std::string> any_text(std::string const& name);
    std::optional<std::string> choice(std::string const& name,
                                      std::vector<std::string> const& allowed);
    std::optional<std::vector<std::string>> texts(std::string const& name,
                                                  std::string const& example);
    /// The value itself.
    nlohmann::ordered_json const* value(std::string const& name);
    /// Whether the name is there, be it None.
    [[nodiscard]] bool is_there(std::string const& name) const;

    /// "parameter 'runner.ranks' is 0. `remedy`"
    [[noreturn]] void refuse(std::string const& name, std::string const& remedy) const;
    /// Refuses the first name that nobody asked for.
    void refuse_unknown() const;

    [[nodiscard]] std::vector<std::string> const& known() const noexcept { return known_; }

  private:
    nlohmann::ordered_json const& group_;
    std::string prefix_;
    std::vector<std::string> known_;
};

/// A value as Python shows it, cut when long.
[[nodiscard]] std::string shown_value(nlohmann::ordered_json const& value);

}  // namespace reprise
