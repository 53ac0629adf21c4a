/// @file A place in the text of a Python literal, and what Python's tokenizer skips there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace reprise {

/// Whether a line's end separates (outside brackets) or is white space (inside).
enum class LineEnds : std::uint8_t { separate, are_space };

/// Holds a view; the text must outlive it. The text is valid UTF-8 without NUL.
/// A carriage return ends a line as in Python's source, alone or before a line feed.
class LiteralCursor {
  public:
    explicit LiteralCursor(std::string_view text) : text_(text) {}

    [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
    [[nodiscard]] bool at_end() const noexcept { return offset_ >= text_.size(); }
    /// The character `ahead` characters on; NUL behind the end.
    [[nodiscard]] char peek(std::size_t ahead = 0) const noexcept {
        return offset_ + ahead < text_.size() ? text_[offset_ + ahead] : '\0';
    }
    [[nodiscard]] bool at_line_end() const noexcept { return peek() == '\n' || peek() == '\r'; }
    [[nodiscard]] std::string_view since(std::size_t start) const noexcept {
        return text_.substr(start, offset_ - start);
    }
    void advance(std::size_t count = 1) noexcept { offset_ += count; }
    /// Takes one line end: "\n", "\r" or "\r\n".
    void take_line_end() noexcept;

    /// Skips blanks, comments and joined lines, inside brackets also line ends.
    void skip_space(LineEnds line_ends);
    /// Skips to the first token of the text, which must not be indented: Python strips blanks and
    /// tabs at the very beginning, but not after an empty line or a comment.
    void skip_to_first_token();
    /// Behind the value only empty lines and comments may follow.
    void expect_end();

  private:
    void skip_comment() noexcept;
    void take_line_continuation();
    int take_indentation();
    /// Expects the begin of a line. Skips empty lines and comments; whether a token follows, which
    /// must not be indented.
    bool skip_empty_lines();

    std::string_view text_;
    std::size_t offset_ = 0;
};

}  // namespace reprise
