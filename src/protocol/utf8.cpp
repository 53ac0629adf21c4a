#include "reprise/protocol/utf8.hpp"

namespace reprise {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

unsigned char byte_at(std::string_view text, std::size_t place) {
    return static_cast<unsigned char>(text[place]);
}

bool is_continuation(std::string_view text, std::size_t place) {
    return (byte_at(text, place) & 0xc0U) == 0x80U;
}

struct Sequence {
    std::size_t bytes = 1;
    bool well_formed = false;
};

/// The character, or the maximal part of one, at the beginning of `text` (not empty). Unicode 15,
/// table 3-7: only the second byte has a range that depends on the first.
Sequence first_sequence(std::string_view text) {
    unsigned const lead = byte_at(text, 0);
    if (lead < 0x80) {
        return {1, true};
    }
    if (lead < 0xc2 || lead > 0xf4) {
        return {1, false};
    }
    std::size_t const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    unsigned const lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned const highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (text.size() < 2 || byte_at(text, 1) < lowest || byte_at(text, 1) > highest) {
        return {1, false};
    }
    std::size_t bytes = 2;
    while (bytes < length && bytes < text.size() && is_continuation(text, bytes)) {
        ++bytes;
    }
    return {bytes, bytes == length};
}

/// What stands after the last carriage return that is not at the end.
std::string_view after_carriage_return(std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) {
        line.remove_suffix(1);
    }
    std::size_t const place = line.rfind('\r');
    return place == std::string_view::npos ? line : line.substr(place + 1);
}

/// Bytes of the escape sequence at the beginning of `text`: ESC [ parameters final (ECMA-48, 5.4),
/// or the lone ESC.
std::size_t escape_length(std::string_view text) {
    if (text.size() < 2 || text[1] != '[') {
        return 1;
    }
    std::size_t place = 2;
    while (place < text.size() && byte_at(text, place) >= 0x20 && byte_at(text, place) < 0x40) {
        ++place;
    }
    bool const has_final =
        place < text.size() && byte_at(text, place) >= 0x40 && byte_at(text, place) < 0x7f;
    return has_final ? place + 1 : place;
}

}  // namespace

std::string to_valid_utf8(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    std::size_t done = 0;
    std::size_t place = 0;
    while (place < bytes.size()) {
        Sequence const sequence = first_sequence(bytes.substr(place));
        if (!sequence.well_formed) {
            text += bytes.substr(done, place - done);
            text += replacement;
            done = place + sequence.bytes;
        }
        place += sequence.bytes;
    }
    text += bytes.substr(done);
    return text;
}

std::string_view utf8_prefix(std::string_view utf8, std::size_t max_bytes) {
    if (utf8.size() <= max_bytes) {
        return utf8;
    }
    std::size_t end = max_bytes;
    while (end > 0 && is_continuation(utf8, end)) {
        --end;
    }
    return utf8.substr(0, end);
}

std::string_view utf8_suffix(std::string_view utf8, std::size_t max_bytes) {
    if (utf8.size() <= max_bytes) {
        return utf8;
    }
    std::size_t begin = utf8.size() - max_bytes;
    while (begin < utf8.size() && is_continuation(utf8, begin)) {
        ++begin;
    }
    return utf8.substr(begin);
}

std::string to_shown_line(std::string_view bytes) {
    std::string_view rest = after_carriage_return(bytes);
    std::string shown;
    shown.reserve(rest.size());
    while (!rest.empty()) {
        std::size_t taken = 1;
        unsigned char const first = byte_at(rest, 0);
        if (first == 0x1b) {
            taken = escape_length(rest);
        } else if (first == '\t' || (first >= 0x20 && first != 0x7f)) {
            shown.push_back(rest.front());
        }
        rest.remove_prefix(taken);
    }
    return to_valid_utf8(shown);
}

}  // namespace reprise
