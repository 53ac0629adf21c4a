#include <cctype>
#include <cmath>
#include <cstdint>
#include <vector>

#include "reprise/core/error.hpp"
#include "reprise/parameters/settings_text.hpp"
#include "utf8_check.hpp"

namespace reprise {

namespace {

using Json = nlohmann::ordered_json;

/// Builds the value; keeps the way to it, so that an error can name the parameter.
class JsonReader final : public nlohmann::json_sax<Json> {
  public:
    JsonReader(std::string const& file, std::string_view text) : file_(file), text_(text) {}

    Json take() { return std::move(root_); }

    bool null() override { return add(nullptr); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(number_integer_t value) override { return add(value); }
    bool number_unsigned(number_unsigned_t value) override { return add(value); }
    bool number_float(number_float_t value, string_t const& spelled) override {
        if (spelled.find_first_of(".eE") == string_t::npos) {
            refuse_value("is " + spelled.substr(0, max_spelled) + " (an integer beyond 64 bits)",
                         "Write it as a float, such as 1e20.");
        }
        return add(value);
    }
    bool string(string_t& value) override { return add(std::move(value)); }
    bool binary(binary_t& /*value*/) override { return false; }
    bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
    bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        auto& frame = frames_.back();
        frame.key = std::move(name);
        if (frame.value->contains(frame.key)) {
            throw InputError("parameter '" + path() + "' stands twice in '" + file_ +
                             "'. Keep one of the two.");
        }
        return true;
    }
    bool parse_error(std::size_t position, std::string const& last_token,
                     nlohmann::detail::exception const& error) override {
        refuse_not_finite(position, last_token, error);
        refuse_syntax(position, error.what());
    }

  private:
    struct Frame {
        Json* value;  ///< lives in root_; stays where it is while the frame is open
        std::string key;
    };

    bool add(Json value) {
        place(std::move(value));
        return true;
    }
    Json* place(Json value) {
        if (frames_.empty()) {
            root_ = std::move(value);
            return &root_;
        }
        auto& frame = frames_.back();
        if (frame.value->is_array()) {
            frame.value->push_back(std::move(value));
            return &frame.value->back();
        }
        auto& member = (*frame.value)[frame.key];
        member = std::move(value);
        return &member;
    }
    bool open(Json empty) {
        if (frames_.size() >= max_settings_depth) {
            throw InputError("cannot read '" + file_ + "' (brackets nest deeper than " +
                             std::to_string(max_settings_depth) + " levels).");
        }
        auto* const value = place(std::move(empty));
        frames_.push_back({value, {}});
        return true;
    }
    bool close() {
        frames_.pop_back();
        return true;
    }

    /// The value that is being read, as name.key:index.
    [[nodiscard]] std::string path() const {
        std::string name;
        for (auto const& frame : frames_) {
            if (frame.value->is_array()) {
                auto const last = frame.value->size();
                name += ":" + std::to_string(&frame == &frames_.back() ? last : last - 1);
            } else {
                name += (name.empty() ? "" : ".") + frame.key;
            }
        }
        return name;
    }
    [[noreturn]] void refuse_value(std::string const& is, std::string const& remedy) const {
        auto const name = path();
        throw InputError((name.empty() ? "the value" : "parameter '" + name + "'") + " in '" +
                         file_ + "' " + is + ". " + remedy);
    }

    /// Names NaN, Infinity and numbers too large for a double, which end as syntax errors.
    void refuse_not_finite(std::size_t position, std::string const& last_token,
                           nlohmann::detail::exception const& error) const {
        constexpr int number_overflow = 406;
        if (error.id == number_overflow) {
            refuse_value("is " + last_token.substr(0, max_spelled) +
                             " (too large for a floating-point number)",
                         "Give it a finite number.");
        }
        auto begin = position > 0 ? position - 1 : 0;
        while (begin > 0 && is_word(text_[begin - 1])) --begin;
        auto end = begin;
        while (end < text_.size() && is_word(text_[end])) ++end;
        auto const word = text_.substr(begin, end - begin);
        for (std::string_view const name : {"NaN", "Infinity", "-Infinity"}) {
            if (word == name) {
                refuse_value("is " + std::string(name) + " (not a finite number)",
                             "Give it a finite number.");
            }
        }
    }
    static bool is_word(char c) {
        return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '-';
    }
    [[noreturn]] void refuse_syntax(std::size_t position, std::string const& what) const {
        std::size_t line = 1;
        std::size_t column = 1;
        auto const last = position > 0 ? position - 1 : 0;
        for (std::size_t i = 0; i < last && i < text_.size(); ++i) {
            line += text_[i] == '\n' ? 1 : 0;
            column = text_[i] == '\n' ? 1 : column + 1;
        }
        auto const c = last < text_.size() ? text_[last] : '\0';
        std::string cause = "line " + std::to_string(line) + ", column " + std::to_string(column);
        std::string remedy = "Correct the JSON there.";
        if (c == '#' || c == '/') {
            cause += ": a comment";
            remedy = "JSON has no comments, remove it.";
        } else if (last >= text_.size()) {
            cause += ": the text ends in the middle";
        } else if (auto const reason = what.find(" - "); reason != std::string::npos) {
            cause += ": " + what.substr(reason + 3, what.find(';', reason) - reason - 3);
        }
        throw InputError("cannot read '" + file_ + "' (" + cause + "). " + remedy);
    }

    static constexpr std::size_t max_spelled = 40;

    std::string const& file_;
    std::string_view text_;
    Json root_;
    std::vector<Frame> frames_;
};

}  // namespace

nlohmann::ordered_json parse_json_text(std::string_view text, std::string const& file) {
    if (first_invalid_utf8(text)) {
        throw InputError("cannot read '" + file + "' (it is not UTF-8). Save it as UTF-8 text.");
    }
    JsonReader reader(file, text);
    Json::sax_parse(text, &reader);
    return reader.take();
}

}  // namespace reprise
