#include "reprise/parameters/nearest_name.hpp"

#include <algorithm>
#include <vector>

namespace reprise {

std::size_t edit_distance(std::string_view one, std::string_view other) {
    // Optimal string alignment: Levenshtein's table with swaps of neighbours, three rows of it.
    std::vector<std::size_t> before_last(other.size() + 1);
    std::vector<std::size_t> last(other.size() + 1);
    std::vector<std::size_t> row(other.size() + 1);
    for (std::size_t j = 0; j <= other.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= one.size(); ++i) {
        std::swap(before_last, last);
        std::swap(last, row);
        row[0] = i;
        for (std::size_t j = 1; j <= other.size(); ++j) {
            auto const replaced = last[j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1]) {
                row[j] = std::min(row[j], before_last[j - 2] + 1);
            }
        }
    }
    return row[other.size()];
}

std::optional<std::string> nearest_name(std::string_view given,
                                        std::span<std::string const> known) {
    // Longer names are no typing mistakes, and the table would grow with their product.
    constexpr std::size_t longest = 200;
    if (given.size() > longest) return std::nullopt;
    auto best_distance = std::min<std::size_t>(3, given.size() / 3) + 1;
    std::optional<std::string> best;
    for (auto const& name : known) {
        if (name.size() > longest) continue;
        auto const distance = edit_distance(given, name);
        if (distance < best_distance) {
            best_distance = distance;
            best = name;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view given, std::span<std::string const> known) {
    if (auto const nearest = nearest_name(given, known)) return " Did you mean '" + *nearest + "'?";
    constexpr std::size_t most = 12;
    if (known.empty()) return "";
    std::string list;
    for (auto const& name : known.first(std::min(known.size(), most))) {
        list += (list.empty() ? "'" : ", '") + name + "'";
    }
    return " Known: " + list + (known.size() > most ? ", …." : ".");
}

}  // namespace reprise
