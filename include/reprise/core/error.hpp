/// @file The two errors a user may see: a wrong input, and an outside world that fails.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "reprise/core/contract.hpp"

namespace reprise {

/// Something the user gave is wrong. what() is one line that names the file or parameter, says
/// what is wrong with it and what to do. Ends a job with exit code 1.
class InputError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// The outside world failed: a file, a process, a socket, the results file.
/// what() is one line "cannot OPERATION 'SUBJECT' (CAUSE). SUGGESTION".
class Error : public std::runtime_error {
  public:
    enum class Kind {
        not_found,
        permission,
        no_space,     ///< disk or quota full
        busy,         ///< locked or in use by somebody else
        corrupt,      ///< read, but its content cannot be trusted
        mismatch,     ///< belongs to another sample or another version
        unreachable,  ///< network, host name
        other,
    };

    Error(Kind kind, std::string const& operation, std::string const& subject,
          std::string const& cause, std::string const& suggestion = {})
        : std::runtime_error("cannot " + operation + " '" + subject + "' (" + cause + ")." +
                             (suggestion.empty() ? "" : " " + suggestion)),
          kind_(kind) {}

    [[nodiscard]] Kind kind() const noexcept { return kind_; }

  private:
    Kind kind_;
};

/// Where a text could not be read, and why.
struct ParseError {
    std::size_t offset = 0;  ///< bytes from the start of the text
    std::string what;
};

/// A value, or why there is none. (std::expected needs C++23.)
template <class T, class E = ParseError>
class [[nodiscard]] Result {
  public:
    Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(*-explicit-*)
    Result(E error) : content_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(*-explicit-*)

    [[nodiscard]] bool has_value() const noexcept { return content_.index() == 0; }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }
    /// Expects has_value().
    [[nodiscard]] T& value() {
        REPRISE_EXPECT(has_value());
        return *std::get_if<0>(&content_);
    }
    [[nodiscard]] T const& value() const {
        REPRISE_EXPECT(has_value());
        return *std::get_if<0>(&content_);
    }
    /// Expects !has_value().
    [[nodiscard]] E const& error() const {
        REPRISE_EXPECT(!has_value());
        return *std::get_if<1>(&content_);
    }

  private:
    std::variant<T, E> content_;
};

/// Builds a visitor for std::visit from lambdas. (clang 14 needs the deduction guide.)
template <class... Functions>
struct Overloaded : Functions... {
    using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace reprise
