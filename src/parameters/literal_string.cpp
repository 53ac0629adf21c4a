#include "literal_string.hpp"

#include <cctype>
#include <cstdint>
#include <optional>
#include <string_view>

#include "literal_fault.hpp"

namespace reprise {

namespace {

constexpr std::uint32_t last_code_point = 0x10FFFF;

/// Collects text. Two escapes that are the halves of a surrogate pair become one character, which
/// is what the real client's detour through JSON makes of them; a half alone is refused.
class TextBuilder {
  public:
    void add_byte(char byte) {
        refuse_pending();
        text_ += byte;
    }
    void add_code_point(std::uint32_t code, std::size_t offset) {
        if (code >= 0xD800 && code <= 0xDBFF) {
            refuse_pending();
            high_half_ = {{code, offset}};
        } else if (code >= 0xDC00 && code <= 0xDFFF) {
            if (!high_half_) refuse_half(offset);
            auto const high = high_half_->code;
            high_half_.reset();
            encode(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00));
        } else {
            refuse_pending();
            encode(code);
        }
    }
    std::string finish() {
        refuse_pending();
        return std::move(text_);
    }

  private:
    struct HighHalf {
        std::uint32_t code;
        std::size_t offset;
    };

    [[noreturn]] static void refuse_half(std::size_t offset) {
        refuse_literal(offset, "half of a surrogate pair, which no file can hold");
    }
    void refuse_pending() const {
        if (high_half_) refuse_half(high_half_->offset);
    }
    void encode(std::uint32_t code) {
        auto const put = [this](std::uint32_t byte) { text_ += static_cast<char>(byte); };
        if (code < 0x80) {
            put(code);
        } else if (code < 0x800) {
            put(0xC0 | (code >> 6));
            put(0x80 | (code & 0x3F));
        } else if (code < 0x10000) {
            put(0xE0 | (code >> 12));
            put(0x80 | ((code >> 6) & 0x3F));
            put(0x80 | (code & 0x3F));
        } else {
            put(0xF0 | (code >> 18));
            put(0x80 | ((code >> 12) & 0x3F));
            put(0x80 | ((code >> 6) & 0x3F));
            put(0x80 | (code & 0x3F));
        }
    }

    std::string text_;
    std::optional<HighHalf> high_half_;
};

struct Prefix {
    std::size_t length = 0;
    bool raw = false;
    bool bytes = false;
    bool format = false;
};

bool is_quote(char c) { return c == '\'' || c == '"'; }

/// The prefix of the string that begins here, if one does.
std::optional<Prefix> prefix_at(LiteralCursor const& cursor) {
    Prefix prefix;
    bool unicode = false;
    while (!is_quote(cursor.peek(prefix.length))) {
        switch (std::tolower(static_cast<unsigned char>(cursor.peek(prefix.length)))) {
            case 'r':
                if (prefix.raw) return std::nullopt;
                prefix.raw = true;
                break;
            case 'b':
                if (prefix.bytes) return std::nullopt;
                prefix.bytes = true;
                break;
            case 'f':
                if (prefix.format) return std::nullopt;
                prefix.format = true;
                break;
            case 'u':
                unicode = true;
                break;
            default:
                return std::nullopt;
        }
        if (++prefix.length > 2) return std::nullopt;
    }
    if (unicode && prefix.length > 1) return std::nullopt;
    if (prefix.bytes && prefix.format) return std::nullopt;
    return prefix;
}

/// The digits of \x, \u, \U.
std::uint32_t take_hex(LiteralCursor& cursor, std::size_t digits, std::size_t escape_offset) {
    std::uint32_t code = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        auto const c = cursor.peek();
        if (std::isxdigit(static_cast<unsigned char>(c)) == 0) {
            refuse_literal(escape_offset,
                           "an escape needs " + std::to_string(digits) + " hexadecimal digits");
        }
        auto const lower = std::tolower(static_cast<unsigned char>(c));
        code =
            code * 16 + static_cast<std::uint32_t>(lower <= '9' ? lower - '0' : lower - 'a' + 10);
        cursor.advance();
    }
    if (code > last_code_point) refuse_literal(escape_offset, "no such character");
    return code;
}

std::uint32_t take_octal(LiteralCursor& cursor) {
    std::uint32_t code = 0;
    for (int i = 0; i < 3 && cursor.peek() >= '0' && cursor.peek() <= '7'; ++i) {
        code = code * 8 + static_cast<std::uint32_t>(cursor.peek() - '0');
        cursor.advance();
    }
    return code;
}

/// The character of a one-letter escape.
std::optional<char> simple_escape(char letter) {
    switch (letter) {
        case '\\':
        case '\'':
        case '"':
            return letter;
        case 'a':
            return '\a';
        case 'b':
            return '\b';
        case 'f':
            return '\f';
        case 'n':
            return '\n';
        case 'r':
            return '\r';
        case 't':
            return '\t';
        case 'v':
            return '\v';
        default:
            return std::nullopt;
    }
}

/// Expects the cursor on the backslash.
void take_escape(LiteralCursor& cursor, TextBuilder& text) {
    auto const start = cursor.offset();
    cursor.advance();
    if (cursor.at_line_end()) return cursor.take_line_end();
    auto const letter = cursor.peek();
    if (letter >= '0' && letter <= '7') return text.add_code_point(take_octal(cursor), start);
    if (auto const simple = simple_escape(letter)) {
        cursor.advance();
        return text.add_byte(*simple);
    }
    std::size_t const digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    if (digits > 0) {
        cursor.advance();
        return text.add_code_point(take_hex(cursor, digits, start), start);
    }
    if (letter == 'N') refuse_literal(start, "\\N{…} is not taken, write the character itself");
    text.add_byte('\\');  // as Python does with an unknown escape
}

/// Expects the cursor on the backslash. A backslash stays, and so does the quote behind it.
void take_raw_pair(LiteralCursor& cursor, TextBuilder& text) {
    text.add_byte('\\');
    cursor.advance();
    if (cursor.at_line_end()) {
        cursor.take_line_end();
        text.add_byte('\n');
    } else if (!cursor.at_end()) {
        text.add_byte(cursor.peek());
        cursor.advance();
    }
}

void take_string(LiteralCursor& cursor, Prefix const& prefix, TextBuilder& text) {
    auto const start = cursor.offset();
    if (prefix.bytes) refuse_literal(start, "bytes are not taken, write a string");
    if (prefix.format) refuse_literal(start, "f-strings are not taken");
    cursor.advance(prefix.length);
    auto const quote = cursor.peek();
    bool const triple = cursor.peek(1) == quote && cursor.peek(2) == quote;
    cursor.advance(triple ? 3 : 1);
    while (true) {
        if (cursor.at_end() || (!triple && cursor.at_line_end())) {
            refuse_literal(start, "a string has no end");
        }
        if (cursor.at_line_end()) {
            cursor.take_line_end();
            text.add_byte('\n');
        } else if (cursor.peek() == '\\') {
            prefix.raw ? take_raw_pair(cursor, text) : take_escape(cursor, text);
        } else if (cursor.peek() == quote &&
                   (!triple || (cursor.peek(1) == quote && cursor.peek(2) == quote))) {
            return cursor.advance(triple ? 3 : 1);
        } else {
            text.add_byte(cursor.peek());
            cursor.advance();
        }
    }
}

}  // namespace

bool at_string(LiteralCursor const& cursor) { return prefix_at(cursor).has_value(); }

std::string take_strings(LiteralCursor& cursor, LineEnds line_ends) {
    TextBuilder text;
    while (auto const prefix = prefix_at(cursor)) {
        take_string(cursor, *prefix, text);
        cursor.skip_space(line_ends);
    }
    return text.finish();
}

}  // namespace reprise
