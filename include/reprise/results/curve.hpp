/// @file One learning curve, as the results file keeps it (docs/results_file.md).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace reprise {

/// The numeric columns of a training's progress.csv.
struct Curve {
    std::vector<std::string> columns;  ///< UTF-8, in the order of the file
    std::size_t rows = 0;
    std::vector<double> values;  ///< rows x columns, row after row; NaN: an empty cell

    friend bool operator==(Curve const&, Curve const&) = default;  // a NaN is equal to nothing
};

}  // namespace reprise
