/// @file Python literals, as cluster_utils puts them on a job's command line.
///
/// Takes what ast.literal_eval of Python 3.11 takes of dict, list, tuple, set, str, int, float,
/// bool and None, and refuses everything else, with the same eyes for white space, comments, line
/// continuation and indentation. What JSON cannot hold, and what the real client loses in silence,
/// is refused by name: nan, inf, integers beyond 64 bits, the same key twice, half of a surrogate
/// pair. Beyond Python, the scalars as numpy 2 prints them (np.float64(0.5), np.True_) are taken.
///
/// Source: Python's language reference, "Lexical analysis", and the documentation of
/// ast.literal_eval; tests/unit/parameters/python_round_trip_test.cpp compares with the real one.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "reprise/core/error.hpp"

namespace reprise {

/// How deep brackets may nest; Python's own tokenizer has the same limit.
inline constexpr int max_literal_depth = 200;

/// A literal that was read.
struct PythonLiteral {
    /// Tuples and sets are arrays (a set in the order of writing, without repetitions). Keys of
    /// dictionaries become text as in Python's json module: 1 -> "1", 0.5 -> "0.5", True ->
    /// "true", None -> "null".
    nlohmann::ordered_json value;
    /// JSON pointers of the arrays that were written as tuples; "" is the value itself.
    std::vector<std::string> tuples;
    /// Names of the parameters that were written as numpy scalars.
    std::vector<std::string> numpy_scalars;
};

/// Why a literal was refused.
struct LiteralError {
    std::size_t offset = 0;  ///< bytes from the start of the text
    std::string what;
    /// `what` is a whole sentence that names a parameter ("parameter 'a' is nan (…). …"); without,
    /// it is the few words that belong behind an offset ("expected ':' after a key").
    bool names_parameter = false;
};

/// Reads one literal, the whole text.
/// @param text UTF-8.
/// @param name of the parameter whose value the text is; empty for a dictionary of parameters.
///        Errors name what lies inside as name.key or name:index.
[[nodiscard]] std::variant<PythonLiteral, LiteralError> read_python_literal(
    std::string_view text, std::string_view name = {});

/// The same, for who needs the value alone.
[[nodiscard]] Result<nlohmann::ordered_json> parse_python_literal(std::string_view text);

}  // namespace reprise
