#include "reprise/commands/launcher_messages.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"

namespace reprise {

using nlohmann::json;

namespace {

/// The value of an enum whose numbers are 0 to `last`.
template <class Enum>
Enum enum_from(json const& number, Enum last) {
    auto const value = number.is_number_integer() ? number.get<std::int64_t>() : -1;
    if (value < 0 || value > static_cast<std::int64_t>(last)) {
        throw ContractViolation("rank 0 sent a message with a number out of its range");
    }
    return static_cast<Enum>(value);
}

}  // namespace

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
                       [](TasksMet const& m) {
                           return json{{"hub", m.hub}};
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
            return LogLine{enum_from(j.at("log"), LogLevel::error),
                           j.at("line").get<std::string>()};
        }
        if (j.contains("start")) return StartRecorded{j.at("start").get<int>()};
        if (j.contains("hub")) return TasksMet{j.at("hub").get<std::string>()};
        return VerdictReached{{enum_from(j.at("verdict"), VerdictKind::terminated),
                               j.at("metrics").get<Metrics>(), j.at("reason").get<std::string>(),
                               j.at("details").get<std::vector<std::string>>()}};
    } catch (json::exception const& e) {
        throw ContractViolation(std::string("rank 0 sent bytes that are no message: ") + e.what());
    }
}

}  // namespace reprise
