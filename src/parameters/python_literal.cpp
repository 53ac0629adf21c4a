#include "reprise/parameters/python_literal.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_set>
#include <utility>
#include <variant>

#include "literal_cursor.hpp"
#include "literal_fault.hpp"
#include "literal_number.hpp"
#include "literal_string.hpp"
#include "reprise/parameters/python_text.hpp"
#include "utf8_check.hpp"

namespace reprise {

namespace {

using Json = nlohmann::ordered_json;

/// A value and what only Python knows about it.
struct Node {
    Json value;
    bool hashable = true;          ///< may be a key or an element of a set
    bool tuple = false;            ///< as a key it would not survive JSON
    bool unsigned_number = false;  ///< the only thing that a sign may stand before
    std::uint64_t magnitude = 0;   ///< of an unsigned integer
};

/// An integer as sign and magnitude; booleans are 0 and 1.
struct WholeNumber {
    bool negative = false;
    std::uint64_t magnitude = 0;

    friend bool operator==(WholeNumber const&, WholeNumber const&) = default;
};

/// Nothing for a number with a fraction or beyond 64 bits, and for what is no number.
std::optional<WholeNumber> whole_number(Json const& value) {
    if (value.is_boolean()) return WholeNumber{false, value.get<bool>() ? 1U : 0U};
    if (value.is_number_unsigned()) return WholeNumber{false, value.get<std::uint64_t>()};
    if (value.is_number_integer()) {
        auto const number = value.get<std::int64_t>();
        return WholeNumber{number < 0, number < 0 ? 0 - static_cast<std::uint64_t>(number)
                                                  : static_cast<std::uint64_t>(number)};
    }
    constexpr double two_to_64 = 18446744073709551616.0;
    if (!value.is_number_float()) return std::nullopt;
    auto const number = value.get<double>();
    auto const magnitude = std::fabs(number);
    if (magnitude >= two_to_64 || magnitude != std::floor(magnitude)) return std::nullopt;
    return WholeNumber{number < 0, static_cast<std::uint64_t>(magnitude)};
}

/// Equality as Python's dict and set see it: 1 == 1.0 == True, and exact for large integers, which
/// nlohmann's is not.
bool python_equal(Json const& a, Json const& b) {
    auto const whole_a = whole_number(a);
    auto const whole_b = whole_number(b);
    if (whole_a || whole_b) return whole_a == whole_b;
    if (a.is_array() && b.is_array()) {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(), python_equal);
    }
    return a == b;
}

/// The type that a numpy scalar's name stands for.
enum class NumpyKind : std::uint8_t { floating, integer, boolean, text };

std::optional<NumpyKind> numpy_kind(std::string_view name) {
    struct Entry {
        std::string_view name;
        NumpyKind kind;
    };
    static constexpr std::array<Entry, 19> table{{
        {"float16", NumpyKind::floating}, {"float32", NumpyKind::floating},
        {"float64", NumpyKind::floating}, {"half", NumpyKind::floating},
        {"single", NumpyKind::floating},  {"double", NumpyKind::floating},
        {"int8", NumpyKind::integer},     {"int16", NumpyKind::integer},
        {"int32", NumpyKind::integer},    {"int64", NumpyKind::integer},
        {"uint8", NumpyKind::integer},    {"uint16", NumpyKind::integer},
        {"uint32", NumpyKind::integer},   {"uint64", NumpyKind::integer},
        {"intc", NumpyKind::integer},     {"longlong", NumpyKind::integer},
        {"bool_", NumpyKind::boolean},    {"bool", NumpyKind::boolean},
        {"str_", NumpyKind::text},
    }};
    auto const* const found =
        std::find_if(table.begin(), table.end(), [&](Entry const& e) { return e.name == name; });
    if (found == table.end()) return std::nullopt;
    return found->kind;
}

class Parser {
  public:
    Parser(std::string_view text, std::string_view name) : cursor_(text), name_(name) {}

    PythonLiteral parse() {
        cursor_.skip_to_first_token();
        auto node = take_value();
        if (cursor_.peek() == ',') node = take_rest_of_tuple(std::move(node));
        cursor_.expect_end();
        result_.value = std::move(node.value);
        return std::move(result_);
    }

  private:
    // A step into a container lasts as long as its element is read.
    class Step {
      public:
        Step(Parser& parser, std::string const& key)
            : Step(parser, key, (parser.name_.empty() ? "" : ".") + key) {}
        Step(Parser& parser, std::size_t index)
            : Step(parser, std::to_string(index), ":" + std::to_string(index)) {}
        Step(Step const&) = delete;
        Step& operator=(Step const&) = delete;
        ~Step() {
            parser_.name_.resize(name_size_);
            parser_.pointer_.resize(pointer_size_);
        }

      private:
        Step(Parser& parser, std::string const& step, std::string const& suffix)
            : parser_(parser),
              name_size_(parser.name_.size()),
              pointer_size_(parser.pointer_.size()) {
            parser.name_ += suffix;
            parser.pointer_ += pointer_step(step);
        }

        Parser& parser_;
        std::size_t name_size_;
        std::size_t pointer_size_;
    };

    [[noreturn]] void refuse_by_name(std::size_t offset, std::string const& is,
                                     std::string const& remedy) const {
        auto const subject = name_.empty() ? "the value" : "parameter '" + name_ + "'";
        throw LiteralFault{{offset, subject + " " + is + ". " + remedy, true}};
    }
    [[noreturn]] void refuse_not_finite(std::size_t offset, std::string const& spelled) const {
        refuse_by_name(offset, "is " + spelled + " (not a finite number)",
                       "Give it a finite number.");
    }

    [[nodiscard]] LineEnds line_ends() const {
        return depth_ > 0 ? LineEnds::are_space : LineEnds::separate;
    }
    void skip_space() { cursor_.skip_space(line_ends()); }

    void open_bracket() {
        if (++depth_ > max_literal_depth) {
            refuse_literal(cursor_.offset(), "brackets nest deeper than " +
                                                 std::to_string(max_literal_depth) + " levels");
        }
        cursor_.advance();
        skip_space();
    }
    void close_bracket(char bracket) {
        if (cursor_.peek() != bracket)
            refuse_here(std::string("expected ',' or '") + bracket + "'");
        cursor_.advance();
        --depth_;
        skip_space();
    }
    [[noreturn]] void refuse_here(std::string what) const {
        if (cursor_.at_end()) what += ", but the text ends";
        refuse_literal(cursor_.offset(), std::move(what));
    }
    /// Takes a comma and the space behind it, if one is there.
    bool take_comma() {
        if (cursor_.peek() != ',') return false;
        cursor_.advance();
        skip_space();
        return true;
    }

    // Every take_… leaves the cursor behind the space that follows.

    Node take_value() {
        auto const c = cursor_.peek();
        if (at_string(cursor_)) return {take_strings(cursor_, line_ends())};
        if (at_number(cursor_)) return take_unsigned_number();
        switch (c) {
            case '[':
                return take_list();
            case '(':
                return take_parentheses();
            case '{':
                return take_braces();
            case '+':
            case '-':
                return take_signed();
            default:
                break;
        }
        if (std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_') return take_name();
        refuse_here("expected a value");
    }

    Node take_unsigned_number() {
        auto const start = cursor_.offset();
        auto const number = take_number(cursor_);
        auto const spelled = std::string(cursor_.since(start).substr(0, max_spelled));
        Node node;
        node.unsigned_number = true;
        if (auto const* const integer = std::get_if<LiteralInteger>(&number)) {
            if (integer->beyond_64_bits) refuse_integer(start, spelled);
            node.value = node.magnitude = integer->magnitude;
        } else {
            auto const value = std::get<LiteralFloat>(number).value;
            if (!std::isfinite(value)) {
                refuse_by_name(start, "is " + spelled + " (too large for a floating-point number)",
                               "Give it a finite number.");
            }
            node.value = value;
        }
        skip_space();
        return node;
    }
    [[noreturn]] void refuse_integer(std::size_t offset, std::string const& spelled) const {
        refuse_by_name(offset, "is " + spelled + " (an integer beyond 64 bits)",
                       "Write it as a float, such as 1e20.");
    }

    // literal_eval takes one sign before a number, which may stand in parentheses, and no second.
    Node take_signed() {
        auto const start = cursor_.offset();
        bool const negative = cursor_.peek() == '-';
        cursor_.advance();
        skip_space();
        if (auto const spelled = take_not_finite_name()) {
            refuse_not_finite(start, (negative ? "-" : "") + *spelled);
        }
        auto node = take_value();
        if (!node.unsigned_number) refuse_literal(start, "a sign needs a number behind it");
        node.unsigned_number = false;
        if (!negative) return node;
        if (node.value.is_number_float()) {
            node.value = -node.value.get<double>();
            return node;
        }
        constexpr auto most = std::uint64_t{1} << 63;
        if (node.magnitude > most) refuse_integer(start, "-" + std::to_string(node.magnitude));
        node.value = node.magnitude == most ? std::numeric_limits<std::int64_t>::min()
                                            : -static_cast<std::int64_t>(node.magnitude);
        return node;
    }

    Node take_list() {
        open_bracket();
        Node list{Json::array(), false};
        while (cursor_.peek() != ']') {
            append_element(list.value);
            if (!take_comma()) break;
        }
        close_bracket(']');
        return list;
    }
    Node append_element(Json& array) {
        Step const step(*this, array.size());
        auto node = take_value();
        array.push_back(node.value);
        return node;
    }

    Node take_parentheses() {
        open_bracket();
        if (cursor_.peek() == ')') {
            close_bracket(')');
            return finish_tuple({Json::array()});
        }
        // Whether this is a tuple shows behind the first element only, whose pointer and name
        // say so too late: tuples inside it get their step afterwards.
        auto const tuples_before = result_.tuples.size();
        auto node = take_value();
        if (cursor_.peek() == ',') node = take_rest_of_tuple(std::move(node), tuples_before);
        close_bracket(')');
        return node;
    }
    Node take_rest_of_tuple(Node first, std::size_t tuples_before = 0) {
        for (auto i = tuples_before; i < result_.tuples.size(); ++i) {
            result_.tuples[i].insert(pointer_.size(), "/0");
        }
        Node tuple{Json::array(), first.hashable};
        tuple.value.push_back(std::move(first.value));
        while (take_comma() && cursor_.peek() != ')' && !cursor_.at_end() &&
               !(depth_ == 0 && cursor_.at_line_end())) {
            tuple.hashable = append_element(tuple.value).hashable && tuple.hashable;
        }
        return finish_tuple(std::move(tuple));
    }
    Node finish_tuple(Node node) {
        node.tuple = true;
        result_.tuples.push_back(pointer_);
        return node;
    }

    Node take_braces() {
        open_bracket();
        if (cursor_.peek() == '}') {
            close_bracket('}');
            return {Json::object(), false};
        }
        auto const start = cursor_.offset();
        auto const tuples_before = result_.tuples.size();
        auto first = take_value();
        if (!first.hashable) refuse_unhashable(start);
        auto node = cursor_.peek() == ':' ? take_rest_of_dictionary(std::move(first), start)
                                          : take_rest_of_set(std::move(first), tuples_before);
        close_bracket('}');
        return node;
    }
    [[noreturn]] static void refuse_unhashable(std::size_t offset) {
        refuse_literal(offset, "lists, sets and dictionaries cannot be keys or elements of a set");
    }

    /// The keys of one dictionary, as Python and as JSON tell them apart.
    struct Keys {
        std::unordered_set<std::string> texts;
        std::vector<Json> others;
    };

    /// The key as Python's json module writes it.
    std::string key_text(Node const& key, std::size_t offset, Keys& keys) const {
        if (key.tuple) refuse_literal(offset, "a tuple cannot be a key");
        auto const& value = key.value;
        std::string text;
        if (value.is_string()) {
            text = value.get<std::string>();
        } else {
            text = value.is_number_float() ? python_float(value.get<double>()) : value.dump();
        }
        bool const seen = !value.is_string() && std::any_of(keys.others.begin(), keys.others.end(),
                                                            [&](Json const& other) {
                                                                return python_equal(other, value);
                                                            });
        if (!value.is_string()) keys.others.push_back(value);
        if (seen || !keys.texts.insert(text).second) {
            throw LiteralFault{{offset,
                                "parameter '" + (name_.empty() ? "" : name_ + ".") + text +
                                    "' is given twice. Keep one of the two.",
                                true}};
        }
        return text;
    }

    Node take_rest_of_dictionary(Node first, std::size_t offset) {
        Node dictionary{Json::object(), false};
        Keys keys;
        auto key = std::move(first);
        while (true) {
            if (cursor_.peek() != ':') refuse_here("expected ':' after a key");
            if (!key.hashable) refuse_unhashable(offset);
            auto const text = key_text(key, offset, keys);
            cursor_.advance();
            skip_space();
            {
                Step const step(*this, text);
                dictionary.value[text] = take_value().value;
            }
            if (!take_comma() || cursor_.peek() == '}') return dictionary;
            offset = cursor_.offset();
            key = take_value();
        }
    }

    Node take_rest_of_set(Node first, std::size_t tuples_before) {
        for (auto i = tuples_before; i < result_.tuples.size(); ++i) {
            result_.tuples[i].insert(pointer_.size(), "/0");
        }
        Node set{Json::array(), false};
        set.value.push_back(std::move(first.value));
        while (take_comma() && cursor_.peek() != '}') {
            auto const offset = cursor_.offset();
            auto const tuples = result_.tuples.size();
            auto const element = append_element(set.value);
            if (!element.hashable) refuse_unhashable(offset);
            auto const last = set.value.end() - 1;
            if (std::any_of(set.value.begin(), last,
                            [&](Json const& other) { return python_equal(other, *last); })) {
                set.value.erase(last);
                result_.tuples.resize(tuples);
            }
        }
        return set;
    }

    std::string_view take_word() {
        auto const start = cursor_.offset();
        while (std::isalnum(static_cast<unsigned char>(cursor_.peek())) != 0 ||
               cursor_.peek() == '_') {
            cursor_.advance();
        }
        auto const word = cursor_.since(start);
        skip_space();
        return word;
    }

    /// nan, inf, np.nan and the like, as they are written; otherwise the cursor stays.
    std::optional<std::string> take_not_finite_name() {
        auto const before = cursor_;
        auto word = take_word();
        if ((word == "np" || word == "numpy") && cursor_.peek() == '.') {
            cursor_.advance();
            skip_space();
            word = take_word();
        }
        static constexpr std::array<std::string_view, 7> names{"nan",      "NaN", "NAN",     "inf",
                                                               "Infinity", "Inf", "infinity"};
        if (std::find(names.begin(), names.end(), word) != names.end()) {
            // Their printed forms are nan and inf, whatever the spelling.
            return std::tolower(static_cast<unsigned char>(word.front())) == 'n' ? "nan" : "inf";
        }
        cursor_ = before;
        return std::nullopt;
    }

    Node take_name() {
        auto const start = cursor_.offset();
        if (auto const spelled = take_not_finite_name()) refuse_not_finite(start, *spelled);
        auto const word = take_word();
        if (word == "True") return {true};
        if (word == "False") return {false};
        if (word == "None") return {nullptr};
        if (word == "set" && cursor_.peek() == '(') {
            open_bracket();
            if (cursor_.peek() != ')') refuse_literal(start, "only the empty set() is taken");
            close_bracket(')');
            return {Json::array(), false};
        }
        if ((word == "np" || word == "numpy") && cursor_.peek() == '.') return take_numpy(start);
        refuse_literal(start, "'" + std::string(word.substr(0, max_spelled)) + "' is not a value" +
                                  hint_for(word));
    }
    static std::string hint_for(std::string_view word) {
        if (word == "true") return ", write True";
        if (word == "false") return ", write False";
        if (word == "null" || word == "none") return ", write None";
        return ", text needs quotes";
    }

    /// Expects at the dot behind np.
    Node take_numpy(std::size_t start) {
        cursor_.advance();
        skip_space();
        auto const name = take_word();
        if (name == "True_" || name == "False_") {
            result_.numpy_scalars.push_back(name_);
            return {name == "True_"};
        }
        auto const kind = numpy_kind(name);
        if (!kind || cursor_.peek() != '(') {
            refuse_literal(start, "of numpy only scalars such as np.float64(0.5) are taken");
        }
        open_bracket();
        auto node = take_value();
        close_bracket(')');
        auto const& value = node.value;
        bool const fits = *kind == NumpyKind::floating  ? value.is_number()
                          : *kind == NumpyKind::integer ? value.is_number_integer()
                          : *kind == NumpyKind::boolean ? value.is_boolean()
                                                        : value.is_string();
        if (!fits)
            refuse_literal(start, "np." + std::string(name) + " holds a value of another type");
        if (*kind == NumpyKind::floating) node.value = value.get<double>();
        node.unsigned_number = false;
        result_.numpy_scalars.push_back(name_);
        return node;
    }

    static constexpr std::size_t max_spelled = 40;  ///< bytes of the text that a message repeats

    LiteralCursor cursor_;
    std::string name_;
    std::string pointer_;
    int depth_ = 0;
    PythonLiteral result_;
};

}  // namespace

std::variant<PythonLiteral, LiteralError> read_python_literal(std::string_view text,
                                                              std::string_view name) {
    if (auto const nul = text.find('\0'); nul != std::string_view::npos) {
        return LiteralError{nul, "a NUL character", false};
    }
    if (auto const bad = first_invalid_utf8(text)) {
        return LiteralError{*bad, "the text is not UTF-8", false};
    }
    try {
        return Parser(text, name).parse();
    } catch (LiteralFault& fault) {
        return std::move(fault.error);
    }
}

Result<nlohmann::ordered_json> parse_python_literal(std::string_view text) {
    auto outcome = read_python_literal(text);
    if (auto* const error = std::get_if<LiteralError>(&outcome)) {
        return ParseError{error->offset, std::move(error->what)};
    }
    return std::move(std::get<PythonLiteral>(outcome).value);
}

}  // namespace reprise
