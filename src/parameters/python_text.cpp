#include "reprise/parameters/python_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "reprise/core/contract.hpp"

namespace reprise {

namespace {

using Json = nlohmann::ordered_json;

/// The code point that begins at `at`, which moves behind it. Expects well-formed UTF-8.
std::uint32_t take_code_point(std::string_view text, std::size_t& at) {
    auto const next = [&] {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at++]));
    };
    auto const lead = next();
    if (lead < 0x80) return lead;
    int const more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    std::uint32_t code = lead & (0x3FU >> more);
    for (int i = 0; i < more && at < text.size(); ++i) code = (code << 6) | (next() & 0x3FU);
    return code;
}

void append_hex(std::string& out, std::uint32_t code, int digits) {
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
        out += "0123456789abcdef"[(code >> shift) & 0xFU];
    }
}

/// Whether repr() shows the character itself: not the categories Cc, Cf, Cs, Co, Zl, Zp, Zs
/// (but the space) of the Unicode database, version 14; noncharacters are left out as well.
bool is_printable(std::uint32_t code) {
    struct Range {
        std::uint32_t first;
        std::uint32_t last;
    };
    static constexpr std::array<Range, 30> hidden{{
        {0x0000, 0x001F},   {0x007F, 0x00A0},     {0x00AD, 0x00AD},   {0x0600, 0x0605},
        {0x061C, 0x061C},   {0x06DD, 0x06DD},     {0x070F, 0x070F},   {0x0890, 0x0891},
        {0x08E2, 0x08E2},   {0x1680, 0x1680},     {0x180E, 0x180E},   {0x2000, 0x200F},
        {0x2028, 0x202F},   {0x205F, 0x206F},     {0x3000, 0x3000},   {0xD800, 0xF8FF},
        {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF},     {0xFFF0, 0xFFFB},   {0xFFFE, 0xFFFF},
        {0x110BD, 0x110BD}, {0x110CD, 0x110CD},   {0x13430, 0x13438}, {0x1BCA0, 0x1BCA3},
        {0x1D173, 0x1D17A}, {0x1FFFE, 0x1FFFF},   {0x2FFFE, 0x2FFFF}, {0x3FFFE, 0xE00FF},
        {0xE01F0, 0xFFFFF}, {0x100000, 0x10FFFF},
    }};
    return std::none_of(hidden.begin(), hidden.end(), [&](Range const& range) {
        return code >= range.first && code <= range.last;
    });
}

std::string repr_of_text(std::string_view text) {
    bool const double_quotes =
        text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
    char const quote = double_quotes ? '"' : '\'';
    std::string out(1, quote);
    for (std::size_t at = 0; at < text.size();) {
        auto const start = at;
        auto const code = take_code_point(text, at);
        if (code == static_cast<unsigned char>(quote) || code == '\\') {
            out += '\\';
            out += static_cast<char>(code);
        } else if (code == '\n') {
            out += "\\n";
        } else if (code == '\r') {
            out += "\\r";
        } else if (code == '\t') {
            out += "\\t";
        } else if (is_printable(code)) {
            out += text.substr(start, at - start);
        } else {
            out += code < 0x100 ? "\\x" : code < 0x10000 ? "\\u" : "\\U";
            append_hex(out, code, code < 0x100 ? 2 : code < 0x10000 ? 4 : 8);
        }
    }
    return out + quote;
}

void append_json_text(std::string& out, std::string_view text) {
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
        auto const code = take_code_point(text, at);
        switch (code) {
            case '"':
                out += "\\\"";
                continue;
            case '\\':
                out += "\\\\";
                continue;
            case '\b':
                out += "\\b";
                continue;
            case '\f':
                out += "\\f";
                continue;
            case '\n':
                out += "\\n";
                continue;
            case '\r':
                out += "\\r";
                continue;
            case '\t':
                out += "\\t";
                continue;
            default:
                break;
        }
        if (code >= 0x20 && code < 0x7F) {
            out += static_cast<char>(code);
        } else if (code < 0x10000) {
            out += "\\u";
            append_hex(out, code, 4);
        } else {
            out += "\\u";
            append_hex(out, 0xD800 + ((code - 0x10000) >> 10), 4);
            out += "\\u";
            append_hex(out, 0xDC00 + ((code - 0x10000) & 0x3FFU), 4);
        }
    }
    out += '"';
}

/// Writes JSON as Python's json module does.
class JsonWriter {
  public:
    JsonWriter(int indent, KeyOrder order) : indent_(indent), order_(order) {}

    void write(Json const& value) {
        switch (value.type()) {
            case Json::value_t::object:
                return write_object(value);
            case Json::value_t::array:
                return write_array(value);
            case Json::value_t::string:
                return append_json_text(out_, value.get_ref<std::string const&>());
            case Json::value_t::number_float:
                return write_float(value.get<double>());
            default:
                out_ += value.dump();
        }
    }
    std::string take() { return std::move(out_); }

  private:
    void write_float(double value) {
        if (std::isnan(value)) {
            out_ += "NaN";
        } else if (std::isinf(value)) {
            out_ += value < 0 ? "-Infinity" : "Infinity";
        } else {
            out_ += python_float(value);
        }
    }
    void new_line() {
        if (indent_ == 0) return;
        out_ += '\n';
        out_.append(static_cast<std::size_t>(level_) * static_cast<std::size_t>(indent_), ' ');
    }
    void separate(bool& first) {
        if (!first) out_ += indent_ == 0 ? ", " : ",";
        first = false;
        new_line();
    }
    void write_object(Json const& object) {
        if (object.empty()) {
            out_ += "{}";
            return;
        }
        std::vector<Json::const_iterator> members;
        for (auto it = object.begin(); it != object.end(); ++it) members.push_back(it);
        if (order_ == KeyOrder::sorted) {
            // Bytes of UTF-8 sort as Python's code points do.
            std::sort(members.begin(), members.end(),
                      [](auto const& a, auto const& b) { return a.key() < b.key(); });
        }
        out_ += '{';
        ++level_;
        bool first = true;
        for (auto const& member : members) {
            separate(first);
            append_json_text(out_, member.key());
            out_ += ": ";
            write(member.value());
        }
        --level_;
        new_line();
        out_ += '}';
    }
    void write_array(Json const& array) {
        if (array.empty()) {
            out_ += "[]";
            return;
        }
        out_ += '[';
        ++level_;
        bool first = true;
        for (auto const& element : array) {
            separate(first);
            write(element);
        }
        --level_;
        new_line();
        out_ += ']';
    }

    int indent_;
    KeyOrder order_;
    int level_ = 0;
    std::string out_;
};

}  // namespace

std::string python_float(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
    std::array<char, 40> buffer{};
    auto const [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                            std::chars_format::scientific);
    REPRISE_ASSERT(error == std::errc{});
    std::string_view const text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
    auto const mark = text.find('e');
    std::string out = text.front() == '-' ? "-" : "";
    std::string digits;
    for (auto const c : text.substr(0, mark)) {
        if (c >= '0' && c <= '9') digits += c;
    }
    int exponent = 0;
    auto const* const exponent_begin = text.data() + mark + (text[mark + 1] == '+' ? 2 : 1);
    std::from_chars(exponent_begin, end, exponent);
    if (exponent < -4 || exponent >= 16) {
        out += digits.front();
        if (digits.size() > 1) out += "." + digits.substr(1);
        auto const power = std::to_string(std::abs(exponent));
        return out + (exponent < 0 ? "e-" : "e+") + (power.size() < 2 ? "0" : "") + power;
    }
    if (exponent < 0) {
        return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
    }
    auto const whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= whole)
        return out + digits + std::string(whole - digits.size(), '0') + ".0";
    return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

std::string python_repr(Json const& value, std::set<std::string> const& tuples,
                        std::string const& pointer) {
    switch (value.type()) {
        case Json::value_t::null:
            return "None";
        case Json::value_t::boolean:
            return value.get<bool>() ? "True" : "False";
        case Json::value_t::number_float:
            return python_float(value.get<double>());
        case Json::value_t::string:
            return repr_of_text(value.get_ref<std::string const&>());
        case Json::value_t::array: {
            bool const tuple = tuples.contains(pointer);
            std::string out = tuple ? "(" : "[";
            for (std::size_t i = 0; i < value.size(); ++i) {
                if (i > 0) out += ", ";
                out += python_repr(value[i], tuples, pointer + pointer_step(std::to_string(i)));
            }
            if (tuple && value.size() == 1) out += ',';
            return out + (tuple ? ")" : "]");
        }
        case Json::value_t::object: {
            std::string out = "{";
            for (auto const& [key, member] : value.items()) {
                if (out.size() > 1) out += ", ";
                out += repr_of_text(key) + ": " +
                       python_repr(member, tuples, pointer + pointer_step(key));
            }
            return out + "}";
        }
        default:
            return value.dump();
    }
}

std::string python_json(Json const& value, KeyOrder order) {
    JsonWriter writer(4, order);
    writer.write(value);
    return writer.take();
}

std::string python_json_line(Json const& value) {
    JsonWriter writer(0, KeyOrder::as_given);
    writer.write(value);
    return writer.take();
}

std::string pointer_step(std::string_view key) {
    std::string step = "/";
    for (auto const c : key) {
        if (c == '~') {
            step += "~0";
        } else if (c == '/') {
            step += "~1";
        } else {
            step += c;
        }
    }
    return step;
}

}  // namespace reprise
