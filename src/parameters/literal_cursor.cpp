#include "literal_cursor.hpp"

#include "literal_fault.hpp"

namespace reprise {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

}  // namespace

void LiteralCursor::take_line_end() noexcept {
    offset_ += peek() == '\r' && peek(1) == '\n' ? 2 : 1;
}

void LiteralCursor::skip_comment() noexcept {
    while (!at_end() && !at_line_end()) advance();
}

void LiteralCursor::take_line_continuation() {
    advance();
    if (!at_line_end()) refuse_literal(offset_, "only a line end may follow a backslash");
    take_line_end();
    if (at_end()) refuse_literal(offset_, "the text ends after a backslash");
}

void LiteralCursor::skip_space(LineEnds line_ends) {
    while (!at_end()) {
        if (is_blank(peek())) {
            advance();
        } else if (peek() == '#') {
            skip_comment();
        } else if (peek() == '\\') {
            take_line_continuation();
        } else if (at_line_end() && line_ends == LineEnds::are_space) {
            take_line_end();
        } else {
            return;
        }
    }
}

int LiteralCursor::take_indentation() {
    // Counts as Python's tokenizer does: the first joined line decides, a form feed begins anew.
    int column = 0;
    int joined_at = 0;
    while (true) {
        if (peek() == ' ' || peek() == '\t') {
            ++column;
            advance();
        } else if (peek() == '\f') {
            column = 0;
            advance();
        } else if (peek() == '\\') {
            if (joined_at == 0) joined_at = column;
            take_line_continuation();
        } else {
            return joined_at != 0 ? joined_at : column;
        }
    }
}

bool LiteralCursor::skip_empty_lines() {
    while (true) {
        bool const indented = take_indentation() != 0;
        bool const comment = peek() == '#';
        if (comment) skip_comment();
        if (at_line_end()) {
            take_line_end();
            continue;
        }
        // Python takes offence even at an indented last line without anything on it.
        if (indented && !comment) refuse_literal(offset_, "unexpected indentation");
        return !at_end();
    }
}

void LiteralCursor::skip_to_first_token() {
    while (peek() == ' ' || peek() == '\t') advance();
    if (!skip_empty_lines()) refuse_literal(offset_, "there is no value");
}

void LiteralCursor::expect_end() {
    skip_space(LineEnds::separate);
    bool more = !at_end();
    if (at_line_end()) {
        take_line_end();
        more = skip_empty_lines();
    }
    if (more) refuse_literal(offset_, "unexpected text after the value");
}

}  // namespace reprise
