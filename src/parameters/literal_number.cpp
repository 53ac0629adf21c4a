#include "literal_number.hpp"

#include <charconv>
#include <limits>
#include <string>
#include <system_error>

#include "literal_fault.hpp"
#include "reprise/core/contract.hpp"

namespace reprise {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int digit_value(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'z') return c - 'a' + 10;
    if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
    return std::numeric_limits<int>::max();
}

bool is_name_character(char c) {
    return c == '_' || digit_value(c) < 36 || static_cast<unsigned char>(c) >= 0x80;
}

/// Digits with single underscores between them; the digits alone are added to `digits`.
/// Expects at a digit, or, with `underscore_first`, at an underscore.
void take_digits(LiteralCursor& cursor, int base, std::string& digits) {
    while (true) {
        if (cursor.peek() == '_') cursor.advance();
        if (digit_value(cursor.peek()) >= base)
            refuse_literal(cursor.offset(), "a digit is missing");
        while (digit_value(cursor.peek()) < base) {
            digits += cursor.peek();
            cursor.advance();
        }
        if (cursor.peek() != '_') return;
    }
}

LiteralInteger to_integer(std::string const& digits, int base) {
    LiteralInteger result;
    auto const [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), result.magnitude, base);
    result.beyond_64_bits = error == std::errc::result_out_of_range;
    REPRISE_ASSERT(end == digits.data() + digits.size());
    return result;
}

/// Whether a number that no double can hold is too small, and not too large.
bool is_below_one(std::string const& whole, std::string const& fraction,
                  std::string const& exponent) {
    auto const first_whole = whole.find_first_not_of('0');
    auto const first_fraction = fraction.find_first_not_of('0');
    if (first_whole == std::string::npos && first_fraction == std::string::npos) return true;
    auto const power = first_whole != std::string::npos
                           ? static_cast<long long>(whole.size() - first_whole)
                           : -static_cast<long long>(first_fraction);
    // Exponents of more digits than a text can have places decide alone.
    constexpr std::size_t longest_exponent = 16;
    auto const first_digit = exponent.find_first_of("123456789");
    if (first_digit == std::string::npos) return power <= 0;
    bool const negative = exponent.starts_with('-');
    if (exponent.size() - first_digit > longest_exponent) return negative;
    long long shift = 0;
    std::from_chars(exponent.data() + first_digit, exponent.data() + exponent.size(), shift);
    return power + (negative ? -shift : shift) <= 0;
}

LiteralFloat to_float(std::string const& whole, std::string const& fraction,
                      std::string const& exponent) {
    auto const text = (whole.empty() ? "0" : whole) + "." + (fraction.empty() ? "0" : fraction) +
                      "e" + (exponent.empty() ? "0" : exponent);
    LiteralFloat result;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), result.value);
    if (error == std::errc::result_out_of_range) {
        // from_chars does not tell which way; Python gives 0 or an infinity.
        result.value =
            is_below_one(whole, fraction, exponent) ? 0.0 : std::numeric_limits<double>::infinity();
    } else {
        REPRISE_ASSERT(error == std::errc{} && end == text.data() + text.size());
    }
    return result;
}

LiteralInteger take_with_base(LiteralCursor& cursor, int base) {
    std::string digits;
    cursor.advance(2);
    take_digits(cursor, base, digits);
    return to_integer(digits, base);
}

LiteralNumber take_decimal(LiteralCursor& cursor) {
    auto const start = cursor.offset();
    std::string whole;
    std::string fraction;
    std::string exponent;
    bool is_float = false;
    if (is_digit(cursor.peek())) take_digits(cursor, 10, whole);
    if (cursor.peek() == '.') {
        is_float = true;
        cursor.advance();
        if (is_digit(cursor.peek())) take_digits(cursor, 10, fraction);
    }
    if (cursor.peek() == 'e' || cursor.peek() == 'E') {
        is_float = true;
        cursor.advance();
        if (cursor.peek() == '+' || cursor.peek() == '-') {
            exponent += cursor.peek();
            cursor.advance();
        }
        if (!is_digit(cursor.peek())) refuse_literal(cursor.offset(), "a digit is missing");
        take_digits(cursor, 10, exponent);
    }
    if (cursor.peek() == 'j' || cursor.peek() == 'J') {
        refuse_literal(start, "complex numbers are not taken");
    }
    if (is_float) return to_float(whole, fraction, exponent);
    if (whole.front() == '0' && whole.find_first_not_of('0') != std::string::npos) {
        refuse_literal(start, "an integer must not begin with 0");
    }
    return to_integer(whole, 10);
}

}  // namespace

bool at_number(LiteralCursor const& cursor) {
    return is_digit(cursor.peek()) || (cursor.peek() == '.' && is_digit(cursor.peek(1)));
}

LiteralNumber take_number(LiteralCursor& cursor) {
    auto const start = cursor.offset();
    int base = 10;
    if (cursor.peek() == '0') {
        switch (cursor.peek(1)) {
            case 'x':
            case 'X':
                base = 16;
                break;
            case 'o':
            case 'O':
                base = 8;
                break;
            case 'b':
            case 'B':
                base = 2;
                break;
            default:
                break;
        }
    }
    auto const number = base == 10 ? take_decimal(cursor) : take_with_base(cursor, base);
    if (is_name_character(cursor.peek())) refuse_literal(start, "not a number");
    return number;
}

}  // namespace reprise
