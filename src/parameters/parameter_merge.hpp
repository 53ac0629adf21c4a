/// @file Puts parameters into the configuration file that they belong to.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace reprise {

/// Merges the parameters of one configuration file into its template (rules:
/// run_configuration.hpp).
class ParameterMerge {
  public:
    /// @param file path of the template, for messages.
    /// @param prefix of the parameters' names, such as "config.rl_config.".
    ParameterMerge(std::string file, std::string prefix);

    /// @throws InputError for a parameter that does not fit.
    void apply(nlohmann::ordered_json const& parameters, nlohmann::ordered_json& target);

    /// JSON pointers, inside the file, of the values that parameters have set.
    [[nodiscard]] std::set<std::string> const& assigned() const noexcept { return assigned_; }
    [[nodiscard]] std::vector<std::string> const& notices() const noexcept { return notices_; }

  private:
    void apply_group(nlohmann::ordered_json const& parameters, nlohmann::ordered_json& target,
                     std::string const& prefix, std::string const& pointer);
    void assign(nlohmann::ordered_json const& value, nlohmann::ordered_json& target,
                std::string const& name, std::string const& pointer);
    void assign_number(nlohmann::ordered_json const& value, nlohmann::ordered_json& target,
                       std::string const& name);
    void assign_element(nlohmann::ordered_json const& value, nlohmann::ordered_json& list,
                        std::string const& name, std::string const& indices,
                        std::string const& pointer);
    [[noreturn]] void refuse_unknown(std::string const& prefix, std::string const& key,
                                     std::string const& base,
                                     nlohmann::ordered_json const& target) const;
    [[noreturn]] void refuse_type(nlohmann::ordered_json const& value,
                                  nlohmann::ordered_json const& target,
                                  std::string const& name) const;
    void note_assigned(std::string const& pointer, std::string const& name);

    std::string file_;
    std::string prefix_;
    std::set<std::string> assigned_;
    std::vector<std::string> notices_;
};

}  // namespace reprise
