#include "reprise/protocol/slurm_job.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace reprise {
namespace {

std::optional<int> number_in(std::string_view text) {
    int value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// The value of " NAME=value "; nothing when it is not there.
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
    std::string wanted(" ");
    wanted += name;
    wanted += '=';
    auto const begin = line.find(wanted);
    if (begin == std::string_view::npos) return std::nullopt;
    auto const value = line.substr(begin + wanted.size());
    return value.substr(0, value.find_first_of(" \n"));
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
std::int64_t days_since_epoch(int year, int month, int day) {
    // Years that begin in March have their leap day at the end.
    int const march_year = month > 2 ? year : year - 1;
    int const march_month = month > 2 ? month - 3 : month + 9;
    std::int64_t const leap_days = march_year / 4 - march_year / 100 + march_year / 400;
    std::int64_t const day_of_year = (153 * march_month + 2) / 5 + day - 1;
    constexpr std::int64_t epoch = 719'468;  // 1970-01-01 since 0000-03-01
    return std::int64_t{365} * march_year + leap_days + day_of_year - epoch;
}

/// Whether a state such as "CANCELLED" or, with flags, "CANCELLED,COMPLETING" has this word.
bool has(std::string_view state, std::string_view word) {
    for (std::size_t begin = 0; begin <= state.size();) {
        auto const end = std::min(state.find_first_of(",+", begin), state.size());
        if (state.substr(begin, end - begin) == word) return true;
        begin = end + 1;
    }
    return false;
}

}  // namespace

std::optional<double> parse_slurm_time(std::string_view text) {
    constexpr std::string_view form = "0000-00-00T00:00:00";
    if (text.size() != form.size()) return std::nullopt;
    std::array<int, 6> numbers{};
    std::size_t place = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        std::size_t const digits = i == 0 ? 4 : 2;
        auto const number = number_in(text.substr(place, digits));
        if (!number || *number < 0) return std::nullopt;
        numbers[i] = *number;
        place += digits;
        if (place < form.size() && text[place] != form[place]) return std::nullopt;
        place += 1;
    }
    auto const [year, month, day, hour, minute, second] = numbers;
    if (month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
    auto const days = days_since_epoch(year, month, day);
    return static_cast<double>(((days * 24 + hour) * 60 + minute) * 60 + second);
}

std::optional<SlurmJob> parse_slurm_job(std::string_view text, std::string const& id) {
    // The number of a job array's first job is that of the array, too: there is a line for each.
    auto line = text;
    auto const begin = "JobId=" + id + " ";
    while (!line.empty() && !line.starts_with(begin)) {
        line.remove_prefix(std::min(line.find('\n'), line.size() - 1) + 1);
    }
    line = line.substr(0, line.find('\n'));
    // The job's name, which stands before, may hold anything.
    auto const user = line.find(" UserId=");
    if (user == std::string_view::npos) return std::nullopt;
    line.remove_prefix(user);
    auto const state = value_of(line, "JobState");
    if (!state || state->empty()) return std::nullopt;
    SlurmJob job;
    job.state = *state;
    job.reason = value_of(line, "Reason").value_or("");
    job.restarts = number_in(value_of(line, "Restarts").value_or("")).value_or(0);
    job.preempted = parse_slurm_time(value_of(line, "PreemptTime").value_or("")).has_value();
    job.requeues = value_of(line, "BatchFlag") == "1" && value_of(line, "Requeue") == "1";
    // While it ends this is the moment of that, not that of its time limit.
    if (has(job.state, "RUNNING")) {
        job.end_s = parse_slurm_time(value_of(line, "EndTime").value_or(""));
    }
    return job;
}

std::optional<int> parse_slurmd_timeout(std::string_view text) {
    constexpr std::string_view name = "\nSlurmdTimeout ";
    auto const begin = text.find(name);
    if (begin == std::string_view::npos) return std::nullopt;
    auto value = text.substr(begin + name.size());
    value.remove_prefix(std::min(value.find_first_not_of(" ="), value.size()));
    return number_in(value.substr(0, value.find(' ')));
}

JobFate fate_of(SlurmJob const& job, int restarts_before) {
    auto const is = [&](std::string_view word) { return has(job.state, word); };
    if (job.restarts > restarts_before || is("REQUEUED") || is("REQUEUE_HOLD") ||
        is("SPECIAL_EXIT") || is("PENDING")) {
        return JobFate::requeued;
    }
    if (is("TIMEOUT") || job.reason == "TimeLimit") return JobFate::timed_out;
    if (is("PREEMPTED")) return JobFate::preempted;
    if (is("NODE_FAIL") || is("BOOT_FAIL")) return JobFate::node_failed;
    bool const ends = is("COMPLETING");
    if (is("RUNNING") && !ends) {
        return job.preempted ? JobFate::asked_to_make_way : JobFate::running;
    }
    if (ends && job.preempted) return JobFate::preempted;
    if (ends || is("CANCELLED") || is("COMPLETED") || is("FAILED") || is("DEADLINE") ||
        is("OUT_OF_MEMORY")) {
        return JobFate::cancelled;
    }
    return JobFate::unknown;
}

}  // namespace reprise
