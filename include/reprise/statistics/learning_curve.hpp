/// @file The learning curve of a training, as its `progress.csv` tells it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "reprise/statistics/csv_reader.hpp"

namespace reprise {

/// How the file that was read came to its end.
enum class FileEnd {
    closed,  ///< its writer ended in order: a last line without newline counts if it has a cell for
             ///< every column
    torn,    ///< its writer was killed or still writes: only lines that end in a newline count
};

/// The numeric columns of a file: those with a number in at least one row (NaN and infinities are
/// numbers, texts are not).
struct LearningCurve {
    std::vector<std::string> columns;  ///< in the file's order, valid or not as UTF-8
    std::vector<double> values;        ///< row-major; NaN where a cell is empty or a text
    std::size_t rows = 0;              ///< values.size() == rows * columns.size()
    std::size_t stride = 1;  ///< every stride-th row of the file was kept (1, 2, 4, …), see
                             ///< LearningCurveReader::max_values

    /// Place of the column, or nothing.
    [[nodiscard]] std::optional<std::size_t> find(std::string_view column) const;
    /// Expects row < rows and column < columns.size().
    [[nodiscard]] double at(std::size_t row, std::size_t column) const;
};

/// The last finite value of the column that was kept, or nothing.
[[nodiscard]] std::optional<double> last_finite(LearningCurve const& curve,
                                                std::string_view column);

/// One of the parts in which an attempt was trained.
struct CurvePart {
    LearningCurve curve;
    std::int64_t shift = 0;           ///< to be added to its steps, for one counter over all parts
    std::optional<std::int64_t> end;  ///< on that counter: where the next part went on
};

/// One curve of all parts, in their order: what a part trained beyond its `end` is cut off (its
/// rows behind the last one that is not beyond). Columns are those of all parts.
[[nodiscard]] LearningCurve join_parts(std::vector<CurvePart> const& parts);

/// What a file says about the reward. The last non-empty cell of the column decides: a training
/// that diverged to NaN must not be credited with its last good value.
struct RewardValue {
    double value = 0.0;  ///< finite
};
struct RewardColumnMissing {};  ///< the header does not name the column, or there is no header
struct RewardHasNoValue {};     ///< every cell of the column is empty
struct RewardNotFinite {
    std::string text;  ///< the cell: NaN, an infinity or no number; shortened, any bytes
};
using RewardReading =
    std::variant<RewardValue, RewardColumnMissing, RewardHasNoValue, RewardNotFinite>;

/// The column in which Stable-Baselines3 counts steps.
inline constexpr std::string_view steps_column = "time/total_timesteps";

/// Reads a `progress.csv` in pieces, from its beginning. Columns are found by name, in any order.
/// Rows may be shorter or longer than the header; of a name that a header holds twice the first
/// counts; a later line without a number that names a known column is a new header (a trainer that
/// goes on in the old file). It never fails, whatever the bytes, and its memory
/// is bounded by max_values and the maxima of CsvReader.
///
/// Stable-Baselines3 rewrites the whole file when a column is added: somebody who follows a file
/// while it grows checks with same_header() that the pieces belong together.
class LearningCurveReader {
  public:
    /// Numbers that are kept (32 MiB). When a curve would exceed it, every second row goes.
    static constexpr std::size_t max_values = 4'194'304;

    /// What is kept of a file.
    enum class Keep { curve, last_values };

    explicit LearningCurveReader(Keep keep = Keep::curve);

    /// The next bytes of the file.
    void feed(std::string_view bytes);
    /// Ends the reading; `end` says whether an unfinished last line counts.
    void finish(FileEnd end);

    /// Rows that were read so far.
    [[nodiscard]] std::size_t rows_read() const noexcept { return rows_read_; }
    /// What the rows read so far say about the column. Exact, whatever the stride.
    [[nodiscard]] RewardReading reward(std::string_view column) const;
    /// The last number in the column, or nothing; may be NaN.
    [[nodiscard]] std::optional<double> last_value(std::string_view column) const;
    /// Steps so far: last_value("time/total_timesteps") as an integer; nothing if it is missing,
    /// negative, not finite or too large.
    [[nodiscard]] std::optional<std::int64_t> total_steps() const;
    /// The first two different numbers of that column, as integers; fewer if there are none.
    [[nodiscard]] std::vector<std::int64_t> first_steps() const;
    /// Whether a file that begins with these bytes begins with the header that was read. The bytes
    /// must be at least as many as header_bytes() has, unless the file is shorter.
    [[nodiscard]] bool same_header(std::string_view file_start) const;
    /// The first line of the file with its newline, as far as it was read, cut at 64 KiB.
    [[nodiscard]] std::string_view header_bytes() const noexcept { return header_bytes_; }
    /// The curve of the rows so far. Expects Keep::curve.
    [[nodiscard]] LearningCurve curve() const;

  private:
    struct Column {
        std::string name;
        bool numeric = false;   ///< has a number
        bool has_cell = false;  ///< has a non-empty cell
        double last_number = std::numeric_limits<double>::quiet_NaN();
        std::vector<double> first_numbers;  ///< at most two, different ones
        bool last_cell_is_number = false;
        std::string last_cell;     ///< the last non-empty one, shortened
        std::vector<double> kept;  ///< of the kept rows, up to the last one with a number
    };

    void take(CsvReader::Record const& record);
    void take_header(CsvReader::Record const& record);
    void take_row(CsvReader::Record const& record);
    [[nodiscard]] bool looks_like_header(CsvReader::Record const& record) const;
    [[nodiscard]] Column const* find(std::string_view name) const;
    void thin_out();

    Keep keep_;
    CsvReader csv_;
    std::string header_bytes_;
    std::vector<Column> columns_;
    std::vector<std::size_t> order_;  ///< column of each cell, by the current header
    std::size_t rows_read_ = 0;
    std::size_t rows_kept_ = 0;
    std::size_t numeric_columns_ = 0;
    std::size_t stride_ = 1;
};

/// The curve of a whole file.
[[nodiscard]] LearningCurve parse_learning_curve(std::string_view text, FileEnd end);

/// The reward of a whole file: its last non-empty value of `column`, if that is finite.
[[nodiscard]] RewardReading read_reward(std::string_view text, std::string_view column,
                                        FileEnd end);

/// The last value of time/total_timesteps of a whole file.
[[nodiscard]] std::optional<std::int64_t> read_total_steps(std::string_view text, FileEnd end);

/// A number in any spelling of Python's str(float) or of C (also nan, inf, infinity; blanks around
/// it are ignored), or nothing. Too large ones become infinite, too small ones 0.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);

}  // namespace reprise
