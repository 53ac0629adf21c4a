// Curves of the parts of an attempt become one.
#include <algorithm>
#include <cmath>

#include "reprise/statistics/learning_curve.hpp"

namespace reprise {
namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// Rows up to the last one that is not beyond the end. Rows without a number of steps belong to the
/// next one that has one.
std::size_t rows_kept(CurvePart const& part) {
    if (!part.end) return part.curve.rows;
    auto const steps = part.curve.find(steps_column);
    if (!steps) return part.curve.rows;
    auto const limit = static_cast<double>(*part.end - part.shift);
    std::size_t kept = 0;
    for (std::size_t row = 0; row < part.curve.rows; ++row) {
        double const value = part.curve.at(row, *steps);
        if (value > limit) break;
        if (!std::isnan(value)) kept = row + 1;
    }
    return kept;
}

/// A column for each one of `more` that is new, empty so far.
void widen(LearningCurve& whole, std::vector<std::string> const& more) {
    auto columns = whole.columns;
    for (auto const& name : more) {
        if (std::find(columns.begin(), columns.end(), name) == columns.end()) {
            columns.push_back(name);
        }
    }
    if (columns.size() == whole.columns.size()) return;
    std::vector<double> values(whole.rows * columns.size(), no_number);
    auto const width = whole.columns.size();
    for (std::size_t row = 0; row < whole.rows; ++row) {
        auto const from = whole.values.begin() + static_cast<std::ptrdiff_t>(row * width);
        std::copy_n(from, width,
                    values.begin() + static_cast<std::ptrdiff_t>(row * columns.size()));
    }
    whole.columns = std::move(columns);
    whole.values = std::move(values);
}

void append(LearningCurve& whole, CurvePart const& part) {
    auto const rows = rows_kept(part);
    if (rows == 0) return;
    widen(whole, part.curve.columns);
    std::vector<std::size_t> places;
    for (auto const& name : part.curve.columns) places.push_back(*whole.find(name));
    auto const steps = part.curve.find(steps_column);
    auto const width = whole.columns.size();
    whole.values.resize((whole.rows + rows) * width, no_number);
    for (std::size_t row = 0; row < rows; ++row) {
        auto* const target = whole.values.data() + (whole.rows + row) * width;
        for (std::size_t column = 0; column < places.size(); ++column) {
            bool const is_steps = steps && column == *steps;
            target[places[column]] =
                part.curve.at(row, column) + (is_steps ? static_cast<double>(part.shift) : 0.0);
        }
    }
    whole.rows += rows;
}

/// Every second row goes.
void thin_out(LearningCurve& whole) {
    auto const width = whole.columns.size();
    for (std::size_t row = 0; 2 * row < whole.rows; ++row) {
        std::copy_n(whole.values.begin() + static_cast<std::ptrdiff_t>(2 * row * width), width,
                    whole.values.begin() + static_cast<std::ptrdiff_t>(row * width));
    }
    whole.rows = (whole.rows + 1) / 2;
    whole.stride *= 2;
    whole.values.resize(whole.rows * width);
}

}  // namespace

LearningCurve join_parts(std::vector<CurvePart> const& parts) {
    LearningCurve whole;
    for (auto const& part : parts) {
        append(whole, part);
        whole.stride = std::max(whole.stride, part.curve.stride);
        while (whole.values.size() > LearningCurveReader::max_values && whole.rows > 1) {
            thin_out(whole);
        }
    }
    return whole;
}

}  // namespace reprise
