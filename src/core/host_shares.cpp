#include "reprise/core/host_shares.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "reprise/core/contract.hpp"
#include "reprise/core/error.hpp"
#include "reprise/core/number_text.hpp"

namespace reprise {
namespace {

/// The ranks of each host taken together, in the order of the first of them.
std::vector<HostFacts> facts_by_host(std::vector<HostFacts> const& ranks) {
    std::vector<HostFacts> hosts;
    for (auto const& rank : ranks) {
        auto const known = std::find_if(hosts.begin(), hosts.end(), [&](HostFacts const& host) {
            return host.host == rank.host;
        });
        if (known == hosts.end()) {
            hosts.push_back(rank);
            continue;
        }
        for (auto const& cpu : rank.cpus) {
            auto const same = [&](Cpu const& other) { return other.number == cpu.number; };
            if (std::none_of(known->cpus.begin(), known->cpus.end(), same)) {
                known->cpus.push_back(cpu);
            }
        }
        for (auto const& gpu : rank.gpus) {
            if (std::find(known->gpus.begin(), known->gpus.end(), gpu) == known->gpus.end()) {
                known->gpus.push_back(gpu);
            }
        }
        bool const unlimited = known->cpu_limit == 0.0 || rank.cpu_limit == 0.0;
        known->cpu_limit = unlimited ? 0.0 : std::max(known->cpu_limit, rank.cpu_limit);
    }
    return hosts;
}

std::string counted(int count, std::string const& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string joined(std::vector<std::string> const& words) {
    std::string line;
    for (auto const& word : words) line += (line.empty() ? "" : ",") + word;
    return line;
}

}  // namespace

std::string RunShare::gpu_list() const {
    if (!gpus_are_dealt) return {};
    return gpus.empty() ? "none" : joined(gpus);
}

HostShares::HostShares(std::vector<HostFacts> const& ranks, ShareOptions options)
    : options_(options) {
    REPRISE_EXPECT(!ranks.empty() && options.learning_runs >= 1);
    for (auto const& facts : facts_by_host(ranks)) {
        hosts_.push_back({facts.host, 0, CpuPool(facts.cpus), facts.cpu_limit, {}, {}});
        auto& host = hosts_.back();
        host.ranks =
            static_cast<int>(std::count_if(ranks.begin(), ranks.end(), [&](HostFacts const& rank) {
                return rank.host == facts.host;
            }));
        host.gpus = gpu_pool_of(facts, runs_at_once(host));
        host.gpu_source = facts.gpu_source;
    }
    for (auto const& rank : ranks) {
        auto const host = std::find_if(hosts_.begin(), hosts_.end(),
                                       [&](Host const& known) { return known.name == rank.host; });
        host_of_rank_.push_back(static_cast<std::size_t>(host - hosts_.begin()));
    }
}

int HostShares::runs_at_once(Host const& host) const {
    return std::min(host.ranks, options_.learning_runs);
}

std::optional<GpuPool> HostShares::gpu_pool_of(HostFacts const& facts, int runs) const {
    auto const& asked = options_.gpus_per_run;
    if (!options_.deal_gpus) return std::nullopt;
    // What nobody has assigned to the job may be somebody else's.
    if (!asked && (!facts.gpus_are_assigned || facts.gpus.empty())) return std::nullopt;
    auto const share = plan_gpu_share(static_cast<int>(facts.gpus.size()), runs, asked);
    if (share) return GpuPool(facts.gpus, *share);
    auto const there = facts.gpus.empty() ? "no GPU"
                                          : counted(static_cast<int>(facts.gpus.size()), "GPU") +
                                                " (" + facts.gpu_source + ")";
    throw InputError("runner.gpus_per_run is " + number_text(*asked) + " but '" + facts.host +
                     "' has " + there + " for " + counted(runs, "run") +
                     " at the same time. Ask for " +
                     "less, for more GPUs for the job, or set a smaller runner.ranks.");
}

std::size_t HostShares::host_of(int rank) const {
    REPRISE_EXPECT(rank >= 0 && static_cast<std::size_t>(rank) < host_of_rank_.size());
    return host_of_rank_[static_cast<std::size_t>(rank)];
}

std::vector<RunShare> HostShares::take(std::span<int const> ranks) {
    std::map<std::size_t, std::vector<int>> by_host;
    for (int const rank : ranks) {
        REPRISE_EXPECT(!holdings_.contains(rank));
        by_host[host_of(rank)].push_back(rank);
    }
    for (auto const& [host, its_ranks] : by_host) take_on_host(hosts_[host], its_ranks);
    std::vector<RunShare> shares;
    shares.reserve(ranks.size());
    for (int const rank : ranks) shares.push_back(share_of(rank));
    return shares;
}

void HostShares::take_on_host(Host& host, std::span<int const> ranks) {
    auto const shares = host.cpus.take(static_cast<int>(ranks.size()));
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        Holding holding{shares[i], {}};
        if (host.gpus) holding.gpus = host.gpus->take();
        bool const is_new = holdings_.emplace(ranks[i], std::move(holding)).second;
        REPRISE_EXPECT(is_new);
    }
}

void HostShares::give_back(int rank) {
    auto const found = holdings_.find(rank);
    if (found == holdings_.end()) return;
    auto& host = hosts_[host_of(rank)];
    host.cpus.give_back(found->second.cpus);
    if (host.gpus) host.gpus->give_back(found->second.gpus);
    holdings_.erase(found);
}

/// As many as its cores and its part of the CPU time keep busy.
int HostShares::threads_of(Host const& host, CpuShare const& share) const {
    double const cores = host.cpus.cores();
    double const own_cores = options_.split_cores
                                 ? static_cast<double>(share.cores.size()) / share.sharers
                                 : cores / runs_at_once(host);
    double threads = own_cores;
    if (host.cpu_limit > 0.0) threads = std::min(threads, host.cpu_limit * own_cores / cores);
    constexpr double rounding = 1e-9;
    return std::max(1, static_cast<int>(std::floor(threads + rounding)));
}

RunShare HostShares::share_of(int rank) const {
    auto const& host = hosts_[host_of(rank)];
    auto const& holding = holdings_.at(rank);
    RunShare share;
    share.cpus = options_.split_cores ? holding.cpus.cpus : host.cpus.cpus();
    share.threads = threads_of(host, holding.cpus);
    share.gpus_are_dealt = host.gpus.has_value();
    share.gpus = holding.gpus;
    return share;
}

std::string HostShares::describe_cores(Host const& host) const {
    auto const cores = host.cpus.cores();
    auto const runs = runs_at_once(host);
    auto line = host.name + ": " + counted(cores, "core");
    auto const cpus = static_cast<int>(host.cpus.cpus().size());
    if (cpus != cores) line += " with " + counted(cpus, "CPU");
    if (host.cpus.nodes() > 1) line += " in " + counted(host.cpus.nodes(), "memory node");
    if (host.cpu_limit > 0.0) line += ", CPU time for " + number_text(host.cpu_limit);
    line += ", for " + (runs == 1 ? "one run: " : counted(runs, "run") + " at the same time: ");
    if (runs == 1 || !options_.split_cores) return line + "all";
    if (cores < runs) return line + "shared";
    line += std::to_string(cores / runs);
    if (cores % runs != 0) line += " or " + std::to_string(cores / runs + 1);
    return line + " each";
}

std::vector<std::string> HostShares::describe() const {
    std::vector<std::string> lines;
    for (auto const& host : hosts_) {
        auto line = describe_cores(host);
        if (host.gpus) {
            auto const share = host.gpus->share();
            auto const& devices = host.gpus->devices();
            if (devices.empty() || share.devices == 0) {
                line += "; no GPU";
            } else {
                line += (devices.size() == 1 ? "; GPU " : "; GPUs ") + joined(devices) + " (" +
                        host.gpu_source + "): " + std::to_string(share.devices) + " each";
                if (share.sharers > 1) {
                    line += ", shared by up to " + std::to_string(share.sharers);
                }
            }
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace reprise
