#include "reprise/protocol/cluster_messages.hpp"

#include <array>
#include <cmath>
#include <set>
#include <string_view>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/protocol/error_report.hpp"
#include "reprise/protocol/pickle_writer.hpp"
#include "reprise/protocol/utf8.hpp"

namespace reprise::cluster {

namespace {

// Names of cluster_utils' enumeration MessageTypes, in the order of its values.
constexpr std::array<char const*, 7> names = {
    "JOB_STARTED",     "ERROR_ENCOUNTERED",       "JOB_SENT_RESULTS",   "JOB_CONCLUDED",
    "EXIT_FOR_RESUME", "JOB_PROGRESS_PERCENTAGE", "METRIC_EARLY_REPORT"};
static_assert(std::variant_size_v<Message> == names.size());

// More than everything in an error's pickle beside its lines: protocol and frame 11 bytes, type 2,
// id 10, list, mark, appends, two tuples and stop 6.
constexpr std::size_t envelope_bytes = 64;

void push_metrics(PickleWriter& pickle, Metrics const& metrics) {
    std::set<std::string_view> seen;
    pickle.push_dict();
    pickle.push_mark();
    for (auto const& [name, value] : metrics) {
        REPRISE_EXPECT(std::isfinite(value));
        REPRISE_EXPECT(seen.insert(name).second);
        pickle.push_text(to_valid_utf8(name));
        pickle.push_float(value);
    }
    pickle.set_in_dict();
}

/// Pushes the payload's one value beside the id, if there is one.
bool push_value(PickleWriter& pickle, Message const& message) {
    return std::visit(Overloaded{
                          [&](JobStarted const& started) {
                              std::string const hostname = to_valid_utf8(started.hostname);
                              pickle.push_text(utf8_prefix(hostname, max_hostname_bytes));
                              return true;
                          },
                          [&](ErrorEncountered const& error) {
                              pickle.push_list();
                              pickle.push_mark();
                              for (std::string const& line :
                                   cut_to_fit(error.lines, max_datagram_bytes - envelope_bytes)) {
                                  pickle.push_text(line);
                              }
                              pickle.append_to_list();
                              return true;
                          },
                          [&](ResultsSent const& results) {
                              push_metrics(pickle, results.metrics);
                              return true;
                          },
                          [&](JobConcluded const&) { return false; },
                          [&](ExitForResume const&) { return false; },
                          [&](Progress const& progress) {
                              REPRISE_EXPECT(progress.fraction > 0.0 && progress.fraction <= 1.0);
                              pickle.push_float(progress.fraction);
                              return true;
                          },
                          [&](EarlyReport const& report) {
                              push_metrics(pickle, report.metrics);
                              return true;
                          },
                      },
                      message);
}

}  // namespace

char const* name_of(Message const& message) noexcept { return names.at(message.index()); }

std::vector<std::byte> encode(Message const& message) {
    PickleWriter pickle;
    // The type goes as a plain int. Python's clients send the enumeration's member, by value or by
    // name depending on the interpreter, always with the module's path. The server looks it up in a
    // dict keyed by an IntEnum, where the int is the same key. So the int is accepted whatever
    // Python the server runs, wherever a version of cluster_utils keeps the enumeration, and the
    // server need not import anything to read it.
    pickle.push_int(static_cast<std::int64_t>(message.index()));
    pickle.push_int(std::visit([](auto const& content) { return content.id; }, message));
    if (push_value(pickle, message)) {
        pickle.wrap_two_in_tuple();
    } else {
        pickle.wrap_one_in_tuple();
    }
    pickle.wrap_two_in_tuple();
    std::vector<std::byte> datagram = std::move(pickle).finish();
    REPRISE_ENSURE(datagram.size() <= max_datagram_bytes);
    return datagram;
}

}  // namespace reprise::cluster
