#include "reprise/protocol/error_report.hpp"

#include <algorithm>
#include <string_view>

#include "reprise/core/contract.hpp"
#include "reprise/protocol/utf8.hpp"

namespace reprise {

namespace {

/// Splits after each newline; the parts joined are the text again.
std::vector<std::string> split_after_newlines(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        std::size_t const place = text.find('\n');
        std::size_t const end = place == std::string_view::npos ? text.size() : place + 1;
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return parts;
}

/// The evidence's lines as a terminal would show them, without blank ones at both ends.
std::vector<std::string> shown_lines(std::vector<std::string> const& raw) {
    std::vector<std::string> shown;
    for (std::string const& entry : raw) {
        for (std::string const& line : split_after_newlines(entry)) {
            shown.push_back(to_shown_line(line));
        }
    }
    auto const is_blank = [](std::string const& line) {
        return line.find_first_not_of(" \t") == std::string::npos;
    };
    shown.erase(std::find_if_not(shown.rbegin(), shown.rend(), is_blank).base(), shown.end());
    shown.erase(shown.begin(), std::find_if_not(shown.begin(), shown.end(), is_blank));
    return shown;
}

std::size_t cost(std::string const& line) { return line.size() + report_line_overhead; }

std::size_t cost(std::vector<std::string> const& lines) {
    std::size_t sum = 0;
    for (std::string const& line : lines) {
        sum += cost(line);
    }
    return sum;
}

/// A line longer than max_cut_line_bytes without its middle.
std::string cut_line(std::string const& line) {
    if (line.size() <= max_cut_line_bytes) {
        return line;
    }
    constexpr std::size_t note_bytes = 64;  // more than the note ever takes
    constexpr std::size_t part = (max_cut_line_bytes - note_bytes) / 2;
    std::string_view const begin = utf8_prefix(line, part);
    std::string_view const end = utf8_suffix(line, part);
    std::size_t const left_out = line.size() - begin.size() - end.size();
    std::string cut(begin);
    cut += " [... " + std::to_string(left_out) + " bytes left out ...] ";
    cut += end;
    return cut;
}

}  // namespace

std::vector<std::string> error_report(Failure const& failure) {
    std::vector<std::string> report;
    if (!failure.evidence.empty()) {
        report.emplace_back("Reprise could not go on (what happened first, the reason last):\n");
    }
    for (Evidence const& evidence : failure.evidence) {
        report.push_back("  " + to_shown_line(evidence.heading) + ":\n");
        std::vector<std::string> const lines = shown_lines(evidence.lines);
        if (lines.empty()) {
            report.emplace_back("    (nothing)\n");
        }
        for (std::string const& line : lines) {
            report.push_back("    " + line + "\n");
        }
    }
    std::string title = failure.title;
    std::replace(title.begin(), title.end(), '\n', ' ');
    std::replace(title.begin(), title.end(), '\r', ' ');
    report.push_back(to_shown_line(title) + "\n");
    return report;
}

std::vector<std::string> cut_to_fit(std::vector<std::string> const& lines, std::size_t max_bytes) {
    REPRISE_EXPECT(max_bytes >= min_report_bytes);
    std::vector<std::string> valid;
    std::string joined;
    for (std::string const& line : lines) {
        valid.push_back(to_valid_utf8(line));
        joined += valid.back();
    }
    if (cost(valid) <= max_bytes) {
        return valid;
    }

    // The server joins the strings, so they may be divided anew to be cut at ends of lines.
    std::vector<std::string> cut = split_after_newlines(joined);
    std::transform(cut.begin(), cut.end(), cut.begin(), cut_line);
    if (cost(cut) <= max_bytes) {
        return cut;
    }

    constexpr std::size_t note_bytes = 128;  // more than the note ever takes
    std::size_t const room = max_bytes - note_bytes;
    std::size_t head = 0;
    std::size_t head_cost = 0;
    while (head < cut.size() && head_cost + cost(cut[head]) <= room / 4) {
        head_cost += cost(cut[head++]);
    }
    std::size_t tail = cut.size();
    std::size_t tail_cost = 0;
    while (tail > head && head_cost + tail_cost + cost(cut[tail - 1]) <= room) {
        tail_cost += cost(cut[--tail]);
    }
    REPRISE_ASSERT(head < tail);
    std::size_t left_out = 0;
    for (std::size_t i = head; i < tail; ++i) {
        left_out += cut[i].size();
    }
    std::vector<std::string> kept(cut.begin(), cut.begin() + static_cast<std::ptrdiff_t>(head));
    kept.push_back("[... " + std::to_string(tail - head) + " lines, " + std::to_string(left_out) +
                   " bytes left out ...]\n");
    kept.insert(kept.end(), cut.begin() + static_cast<std::ptrdiff_t>(tail), cut.end());
    REPRISE_ENSURE(cost(kept) <= max_bytes);
    return kept;
}

}  // namespace reprise
