#include "reprise/protocol/rank_messages.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/protocol/hex.hpp"

namespace reprise {

using nlohmann::json;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AttemptKey, learning_run, iteration, attempt, part)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AttemptRecord, key, outcome, exit_code, signal, reward, seed,
                                   start, end, steps, cpu_s, peak_memory_mb, start_number, rank,
                                   host, cores, gpus, loaded_from, message)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ContainerSetup, runtime, executable, image, use_run, args,
                                   tmp_size_mb, mounter)

/// Without names: a host may have hundreds, and short messages arrive at once.
void to_json(json& j, Cpu const& cpu) { j = json::array({cpu.number, cpu.core, cpu.node}); }
void from_json(json const& j, Cpu& cpu) {
    cpu = {j.at(0).get<int>(), j.at(1).get<int>(), j.at(2).get<int>()};
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(HostFacts, host, cpus, cpu_limit, gpus, gpu_source,
                                   gpus_are_assigned)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunShare, cpus, threads, gpus_are_dealt, gpus)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TrainingBase, counter, expected, done, began, goes_on)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TrainingOrder, key, seed, run_dir, start_dir, files, backend,
                                   learner, stop, variables, container, working_dir, reward_file,
                                   reward_column, loaded_from, stop_signal, stop_grace_ms, share,
                                   set_threads, watch_ms, run_time_limit_ms, stall_timeout_ms,
                                   memory_limit_mb, base, iteration_steps, checkpoints)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StopOrder, key, reason, kill_after_ms)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AttemptReport, record, stderr_tail)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StepsReport, key, steps, reward, done)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RankReady, facts)

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Dismissal, verdict)

namespace {

template <std::size_t Index = 0>
RankPayload payload_of(std::size_t type, json const& body) {
    if constexpr (Index == std::variant_size_v<RankPayload>) {
        REPRISE_ASSERT(type < std::variant_size_v<RankPayload>);
        return Dismissal{};
    } else {
        if (type != Index) return payload_of<Index + 1>(type, body);
        std::variant_alternative_t<Index, RankPayload> payload;
        from_json(body, payload);
        return payload;
    }
}

}  // namespace

std::string encode_container_setup(ContainerSetup const& setup) {
    // Paths may hold bytes that are no UTF-8.
    std::string bytes;
    json::to_cbor(json(setup), bytes);
    return to_hex(bytes);
}

ContainerSetup decode_container_setup(std::string_view text) {
    try {
        return json::from_cbor(from_hex(text)).get<ContainerSetup>();
    } catch (json::exception const& e) {
        throw ContractViolation(std::string("the launcher sent no container set-up: ") + e.what());
    }
}

std::string encode_payload(RankPayload const& payload) {
    json body;
    std::visit([&](auto const& p) { to_json(body, p); }, payload);
    std::string bytes;
    json::to_cbor(json::array({payload.index(), std::move(body)}), bytes);
    return bytes;
}

RankPayload decode_payload(std::string_view bytes) {
    try {
        auto const message = json::from_cbor(bytes.begin(), bytes.end());
        return payload_of(message.at(0).get<std::size_t>(), message.at(1));
    } catch (json::exception const& e) {
        throw ContractViolation(std::string("a rank sent bytes that are no message: ") + e.what());
    }
}

}  // namespace reprise
