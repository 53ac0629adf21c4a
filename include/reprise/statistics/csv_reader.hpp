/// @file Records of a CSV file that may be large, torn, or not a CSV file at all.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace reprise {

/// One cell. `text` is without its quotes.
struct CsvCell {
    std::string text;
    bool cut = false;  ///< was longer than max_cell_bytes; `text` is its beginning
};

/// Takes a file in pieces of any size and gives its records (RFC 4180; line ends LF or CRLF). It
/// never fails: a quote inside an unquoted cell is text, so is what follows a closing quote; blank
/// lines are no records; cells beyond max_columns are dropped. Memory is bounded by the maxima.
class CsvReader {
  public:
    static constexpr std::size_t max_columns = 4'096;
    /// A longer cell is cut. A quoted one is then taken for unclosed and ends at the line's end,
    /// so that a stray quote cannot swallow the rest of a file.
    static constexpr std::size_t max_cell_bytes = 4'096;

    using Record = std::vector<CsvCell>;

    /// The next record that ends in a newline, taken off the front of `text`; false (and `text`
    /// empty) when there is none. What is left of the last line is kept for the next call.
    /// `record` is valid until the next call.
    [[nodiscard]] bool next(std::string_view& text, Record const*& record);

    /// The unfinished last line as a record, or nullptr if there is none or it ends inside quotes.
    /// Ends the reading.
    [[nodiscard]] Record const* finish();

  private:
    enum class State { cell_start, unquoted, quoted, quote_in_quoted };

    bool take(char c);  ///< true at the end of a record that is not blank
    void add(char c);
    void end_cell();
    bool end_record();  ///< false if the line was blank

    State state_ = State::cell_start;
    bool record_was_given_ = false;
    CsvCell cell_;  ///< being read
    Record record_;
};

}  // namespace reprise
