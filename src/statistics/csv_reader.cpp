#include "reprise/statistics/csv_reader.hpp"

#include <utility>

namespace reprise {

bool CsvReader::next(std::string_view& text, Record const*& record) {
    if (record_was_given_) {
        record_.clear();
        record_was_given_ = false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (take(text[i])) {
            text.remove_prefix(i + 1);
            record = &record_;
            record_was_given_ = true;
            return true;
        }
    }
    text = {};
    return false;
}

CsvReader::Record const* CsvReader::finish() {
    if (record_was_given_) {
        record_.clear();
    }
    record_was_given_ = true;
    bool const is_inside_quotes = state_ == State::quoted;
    return end_record() && !is_inside_quotes ? &record_ : nullptr;
}

bool CsvReader::take(char c) {
    if (state_ == State::quoted) {
        if (c == '\n' && cell_.cut) {
            return end_record();
        }
        if (c == '"') {
            state_ = State::quote_in_quoted;
        } else {
            add(c);
        }
        return false;
    }
    if (c == '\n') {
        return end_record();
    }
    if (c == ',') {
        end_cell();
        return false;
    }
    if (c == '"' && state_ == State::cell_start) {
        state_ = State::quoted;
        return false;
    }
    state_ = c == '"' && state_ == State::quote_in_quoted ? State::quoted : State::unquoted;
    add(c);
    return false;
}

void CsvReader::add(char c) {
    if (cell_.text.size() < max_cell_bytes) {
        cell_.text.push_back(c);
    } else {
        cell_.cut = true;
    }
}

void CsvReader::end_cell() {
    if (record_.size() < max_columns) {
        record_.push_back(std::move(cell_));
    }
    cell_ = CsvCell();
    state_ = State::cell_start;
}

bool CsvReader::end_record() {
    if (state_ == State::unquoted && cell_.text.ends_with('\r')) {
        cell_.text.pop_back();
    }
    bool const is_blank = record_.empty() && cell_.text.empty() && state_ != State::quote_in_quoted;
    end_cell();
    if (is_blank) {
        record_.clear();
    }
    return !is_blank;
}

}  // namespace reprise
