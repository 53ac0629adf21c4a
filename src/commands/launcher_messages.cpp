#include "reprise/commands/launcher_messages.hpp"

#include <nlohmann/json.hpp>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"

namespace reprise {

using nlohmann::json;

std::string encode_launcher_message(LauncherMessage const& message) {
    auto const j =
        std::visit(Overloaded{
                       [](LogLine const& m) {
                           return json{{"log", static_cast<int>(m.level)}, {"line", m.line}};
                       },
                       [](StartRecorded const& m) {
                           return json{{"start", m.number}};
                       },
                       [](VerdictReached const& m) {
                           auto const& v = m.verdict;
                           return json{{"verdict", static_cast<int>(v.kind)},
                                       {"metrics", v.metrics},
                                       {"reason", v.reason},
                                       {"details", v.details}};
                       },
                   },
                   message);
    // CBOR: a line may hold bytes that are no UTF-8.
    std::string bytes;
    json::to_cbor(j, bytes);
    return bytes;
}

LauncherMessage decode_launcher_message(std::string_view bytes) {
    try {
        auto const j = json::from_cbor(bytes.begin(), bytes.end());
        if (j.contains("log")) {
            return LogLine{static_cast<LogLevel>(j.at("log").get<int>()),
                           j.at("line").get<std::string>()};
        }
        if (j.contains("start")) return StartRecorded{j.at("start").get<int>()};
        return VerdictReached{{static_cast<VerdictKind>(j.at("verdict").get<int>()),
                               j.at("metrics").get<Metrics>(), j.at("reason").get<std::string>(),
                               j.at("details").get<std::vector<std::string>>()}};
    } catch (json::exception const& e) {
        throw ContractViolation(std::string("rank 0 sent bytes that are no message: ") + e.what());
    }
}

}  // namespace reprise
