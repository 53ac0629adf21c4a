#include "reprise/statistics/learning_curve.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "reprise/core/contract.hpp"

namespace reprise {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

constexpr std::size_t no_column = std::numeric_limits<std::size_t>::max();
constexpr std::size_t max_header_bytes = 65'536;
constexpr std::size_t max_shown_cell_bytes = 40;

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

std::string_view without_blanks(std::string_view text) {
    std::size_t const first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_number(CsvCell const& cell) { return !cell.cut && parse_number(cell.text).has_value(); }

std::optional<std::int64_t> whole_steps(double value) {
    constexpr double too_large = 9'223'372'036'854'775'808.0;  // 2^63
    if (!(value >= 0.0 && value < too_large)) {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(value);
}

void keep_even(std::vector<double>& values) {
    for (std::size_t i = 0; 2 * i < values.size(); ++i) {
        values[i] = values[2 * i];
    }
    values.resize((values.size() + 1) / 2);
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
    text = without_blanks(text);
    if (text.starts_with('+') && !text.starts_with("+-")) {
        text.remove_prefix(1);
    }
    char const* const end = text.data() + text.size();
    double value = 0.0;
    auto const [stop, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc::invalid_argument || stop != end) {
        return std::nullopt;
    }
    if (error == std::errc::result_out_of_range) {  // and value says nothing
        bool const is_small =
            text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos;
        value = is_small ? 0.0 : std::numeric_limits<double>::infinity();
        return text.starts_with('-') ? -value : value;
    }
    return value;
}

std::optional<std::size_t> LearningCurve::find(std::string_view column) const {
    auto const place = std::find(columns.begin(), columns.end(), column);
    if (place == columns.end()) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(place - columns.begin());
}

double LearningCurve::at(std::size_t row, std::size_t column) const {
    REPRISE_EXPECT(row < rows && column < columns.size());
    return values[row * columns.size() + column];
}

std::optional<double> last_finite(LearningCurve const& curve, std::string_view column) {
    auto const place = curve.find(column);
    for (std::size_t row = place ? curve.rows : 0; row > 0; --row) {
        double const value = curve.at(row - 1, *place);
        if (std::isfinite(value)) {
            return value;
        }
    }
    return std::nullopt;
}

LearningCurveReader::LearningCurveReader(Keep keep) : keep_(keep) {}

void LearningCurveReader::feed(std::string_view bytes) {
    if (!header_bytes_.ends_with('\n') && header_bytes_.size() < max_header_bytes) {
        std::size_t const newline = bytes.find('\n');
        std::size_t const end = newline == std::string_view::npos ? bytes.size() : newline + 1;
        header_bytes_ += bytes.substr(0, std::min(end, max_header_bytes - header_bytes_.size()));
    }
    CsvReader::Record const* record = nullptr;
    while (csv_.next(bytes, record)) {
        take(*record);
    }
}

void LearningCurveReader::finish(FileEnd end) {
    CsvReader::Record const* const record = csv_.finish();
    if (end == FileEnd::closed && record != nullptr && record->size() >= order_.size()) {
        take(*record);
    }
}

void LearningCurveReader::take(CsvReader::Record const& record) {
    if (columns_.empty() || looks_like_header(record)) {
        take_header(record);
    } else {
        take_row(record);
    }
}

bool LearningCurveReader::looks_like_header(CsvReader::Record const& record) const {
    bool names_a_column = false;
    for (CsvCell const& cell : record) {
        if (is_number(cell)) {
            return false;
        }
        names_a_column = names_a_column || (!cell.text.empty() && find(cell.text) != nullptr);
    }
    return names_a_column;
}

void LearningCurveReader::take_header(CsvReader::Record const& record) {
    order_.clear();
    for (CsvCell const& cell : record) {
        std::string_view name = cell.text;
        if (columns_.empty() && name.starts_with(byte_order_mark)) {
            name.remove_prefix(byte_order_mark.size());
        }
        Column const* const known = find(name);
        std::size_t place = no_column;
        if (known != nullptr) {
            place = static_cast<std::size_t>(known - columns_.data());
        } else if (columns_.size() < CsvReader::max_columns) {
            place = columns_.size();
            columns_.emplace_back().name = name;
        }
        bool const is_repeated = std::find(order_.begin(), order_.end(), place) != order_.end();
        order_.push_back(is_repeated ? no_column : place);
    }
}

void LearningCurveReader::take_row(CsvReader::Record const& record) {
    bool const keep_row = keep_ == Keep::curve && rows_read_ % stride_ == 0;
    for (std::size_t i = 0; i < std::min(record.size(), order_.size()); ++i) {
        std::string_view const text = without_blanks(record[i].text);
        if (order_[i] == no_column || text.empty()) {
            continue;
        }
        Column& column = columns_[order_[i]];
        auto const number = record[i].cut ? std::nullopt : parse_number(text);
        column.has_cell = true;
        column.last_cell = text.substr(0, max_shown_cell_bytes);
        column.last_cell_is_number = number.has_value();
        if (number) {
            numeric_columns_ += column.numeric ? 0 : 1;
            column.numeric = true;
            column.last_number = *number;
            auto& first = column.first_numbers;
            if (first.size() < 2 && (first.empty() || first.front() != *number)) {
                first.push_back(*number);
            }
        }
        if (number && keep_row) {
            column.kept.resize(rows_kept_, nan);  // the rows in which it had no number
            column.kept.push_back(*number);
        }
    }
    ++rows_read_;
    rows_kept_ += keep_row ? 1 : 0;
    while (rows_kept_ * numeric_columns_ > max_values) {
        thin_out();
    }
}

void LearningCurveReader::thin_out() {
    for (Column& column : columns_) {
        keep_even(column.kept);
    }
    rows_kept_ = (rows_kept_ + 1) / 2;
    stride_ *= 2;
}

LearningCurveReader::Column const* LearningCurveReader::find(std::string_view name) const {
    auto const place = std::find_if(columns_.begin(), columns_.end(),
                                    [name](Column const& column) { return column.name == name; });
    return place == columns_.end() ? nullptr : &*place;
}

RewardReading LearningCurveReader::reward(std::string_view column) const {
    Column const* const found = find(column);
    if (found == nullptr) {
        return RewardColumnMissing{};
    }
    if (!found->has_cell) {
        return RewardHasNoValue{};
    }
    if (!found->last_cell_is_number || !std::isfinite(found->last_number)) {
        return RewardNotFinite{found->last_cell};
    }
    return RewardValue{found->last_number};
}

std::optional<double> LearningCurveReader::last_value(std::string_view column) const {
    Column const* const found = find(column);
    return found != nullptr && found->numeric ? std::optional(found->last_number) : std::nullopt;
}

std::optional<std::int64_t> LearningCurveReader::total_steps() const {
    auto const value = last_value(steps_column);
    return value ? whole_steps(*value) : std::nullopt;
}

std::vector<std::int64_t> LearningCurveReader::first_steps() const {
    std::vector<std::int64_t> steps;
    Column const* const found = find(steps_column);
    if (found == nullptr) {
        return steps;
    }
    for (double const value : found->first_numbers) {
        if (auto const whole = whole_steps(value)) {
            steps.push_back(*whole);
        }
    }
    return steps;
}

bool LearningCurveReader::same_header(std::string_view file_start) const {
    return file_start.starts_with(header_bytes_);
}

LearningCurve LearningCurveReader::curve() const {
    REPRISE_EXPECT(keep_ == Keep::curve);
    LearningCurve curve;
    curve.rows = rows_kept_;
    curve.stride = stride_;
    std::vector<Column const*> numeric;
    for (Column const& column : columns_) {
        if (column.numeric) {
            numeric.push_back(&column);
            curve.columns.push_back(column.name);
        }
    }
    curve.values.reserve(curve.rows * numeric.size());
    for (std::size_t row = 0; row < curve.rows; ++row) {
        for (Column const* const column : numeric) {
            curve.values.push_back(row < column->kept.size() ? column->kept[row] : nan);
        }
    }
    return curve;
}

LearningCurve parse_learning_curve(std::string_view text, FileEnd end) {
    LearningCurveReader reader;
    reader.feed(text);
    reader.finish(end);
    return reader.curve();
}

RewardReading read_reward(std::string_view text, std::string_view column, FileEnd end) {
    LearningCurveReader reader(LearningCurveReader::Keep::last_values);
    reader.feed(text);
    reader.finish(end);
    return reader.reward(column);
}

std::optional<std::int64_t> read_total_steps(std::string_view text, FileEnd end) {
    LearningCurveReader reader(LearningCurveReader::Keep::last_values);
    reader.feed(text);
    reader.finish(end);
    return reader.total_steps();
}

}  // namespace reprise
