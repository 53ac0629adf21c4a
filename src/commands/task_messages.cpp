#include "reprise/commands/task_messages.hpp"

#include <nlohmann/json.hpp>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"

namespace reprise {

using nlohmann::json;

std::string encode_task_message(TaskMessage const& message) {
    auto const j =
        std::visit(Overloaded{
                       [](TaskHello const& m) {
                           return json{{"secret", m.secret}, {"task", m.task}, {"host", m.host}};
                       },
                       [](TaskGone const& m) {
                           return json{{"gone", m.how}};
                       },
                       [](EndNow const&) {
                           return json{{"end", true}};
                       },
                       [](Leave const& m) {
                           return json{{"leave", static_cast<int>(m.verdict)}};
                       },
                   },
                   message);
    std::string bytes;
    json::to_cbor(j, bytes);
    return bytes;
}

TaskMessage decode_task_message(std::string_view bytes) {
    try {
        auto const j = json::from_cbor(bytes.begin(), bytes.end());
        if (j.contains("secret")) {
            return TaskHello{j.at("secret").get<std::string>(), j.at("task").get<int>(),
                             j.at("host").get<std::string>()};
        }
        if (j.contains("gone")) return TaskGone{j.at("gone").get<std::string>()};
        if (j.contains("end")) return EndNow{};
        auto const verdict = j.at("leave").get<int>();
        if (verdict < 0 || verdict > static_cast<int>(VerdictKind::terminated)) {
            throw ContractViolation("task 0 sent a verdict that there is not");
        }
        return Leave{static_cast<VerdictKind>(verdict)};
    } catch (json::exception const& e) {
        throw ContractViolation(std::string("a task sent bytes that are no message: ") + e.what());
    }
}

}  // namespace reprise
