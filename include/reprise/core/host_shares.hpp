/// @file What each attempt gets of the cores and GPUs of its host. Kept by rank 0, who learns at
/// the beginning what every rank's host has. Pure.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reprise/core/cpu_pool.hpp"
#include "reprise/core/gpu_pool.hpp"

namespace reprise {

/// What a rank may use of the host that it runs on. The ranks of a host say the same, or each of
/// them its part.
struct HostFacts {
    std::string host;
    std::vector<Cpu> cpus;           ///< of the allocation; at least one
    double cpu_limit = 0.0;          ///< CPUs' worth of time that it may use; 0: all of `cpus`
    std::vector<std::string> gpus;   ///< opaque names
    std::string gpu_source;          ///< where they were found, for people
    bool gpus_are_assigned = false;  ///< the allocation names them; else the host has them

    friend bool operator==(HostFacts const&, HostFacts const&) = default;
};

/// What an attempt gets.
struct RunShare {
    std::vector<int> cpus;        ///< ascending
    int threads = 1;              ///< that keep its cores busy, hardware threads not counted; >= 1
    bool gpus_are_dealt = false;  ///< else it sees what the job sees
    std::vector<std::string> gpus;  ///< dealt and empty: it sees none

    /// "0,1"; "none" when it sees none, empty when they are not dealt.
    [[nodiscard]] std::string gpu_list() const;

    friend bool operator==(RunShare const&, RunShare const&) = default;
};

struct ShareOptions {
    bool split_cores = true;             ///< else every attempt may use all cores of its host
    bool deal_gpus = true;               ///< else all see what the job sees
    std::optional<double> gpus_per_run;  ///< 0, a whole number, or a fraction below 1
    int learning_runs = 1;               ///< never more attempts at the same time, >= 1
};

class HostShares {
  public:
    /// @param ranks by rank, at least one
    /// Throws InputError when a host has not the GPUs that were asked for.
    HostShares(std::vector<HostFacts> const& ranks, ShareOptions options);

    /// Shares for attempts that start at the same moment on these ranks, in the same order.
    /// Expects ranks that have none.
    [[nodiscard]] std::vector<RunShare> take(std::span<int const> ranks);
    /// The rank's attempt has ended. Does nothing when it has none.
    void give_back(int rank);

    /// A line for each host: what there is and how it is divided.
    [[nodiscard]] std::vector<std::string> describe() const;

  private:
    struct Host {
        std::string name;
        int ranks = 0;
        CpuPool cpus;
        double cpu_limit = 0.0;
        std::optional<GpuPool> gpus;
        std::string gpu_source;
    };
    struct Holding {
        CpuShare cpus;
        std::vector<std::string> gpus;
    };

    [[nodiscard]] std::size_t host_of(int rank) const;
    [[nodiscard]] int runs_at_once(Host const& host) const;
    [[nodiscard]] std::optional<GpuPool> gpu_pool_of(HostFacts const& facts, int runs) const;
    void take_on_host(Host& host, std::span<int const> ranks);
    [[nodiscard]] int threads_of(Host const& host, CpuShare const& share) const;
    [[nodiscard]] RunShare share_of(int rank) const;
    [[nodiscard]] std::string describe_cores(Host const& host) const;

    ShareOptions options_;
    std::vector<Host> hosts_;
    std::vector<std::size_t> host_of_rank_;
    std::map<int, Holding> holdings_;  ///< by rank
};

}  // namespace reprise
