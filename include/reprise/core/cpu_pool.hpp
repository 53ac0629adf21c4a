/// @file The cores of one host, dealt out to the attempts that run there. Pure.
///
/// Whole cores are dealt: the CPUs (hardware threads) of a core stay together. Attempts that start
/// at the same moment get equal sets that nobody else has; where there are fewer free cores than
/// attempts, they share the cores that the fewest have. What runs keeps what it has: cores that
/// were given back go to what starts next.
#pragma once

#include <cstddef>
#include <vector>

namespace reprise {

/// What the operating system calls a CPU: one hardware thread.
struct Cpu {
    int number = 0;  ///< the operating system's
    int core = 0;    ///< which core it is a thread of; means nothing but equality
    int node = 0;    ///< of memory (NUMA), of the core; means nothing but equality

    friend bool operator==(Cpu const&, Cpu const&) = default;
};

/// Cores in the hands of one attempt.
struct CpuShare {
    std::vector<int> cpus;           ///< their CPUs' numbers, ascending
    std::vector<std::size_t> cores;  ///< the pool's own names for them
    int sharers = 1;                 ///< attempts that have them at that moment, this one too
};

class CpuPool {
  public:
    /// @param cpus in the order in which they are dealt out, neighbours side by side; at least one
    explicit CpuPool(std::vector<Cpu> const& cpus);

    /// The shares of `count` attempts that start now. With enough free cores their sizes differ by
    /// one core at most, they use up all free cores, and a share lies within one memory node
    /// whenever one had room for it. Expects count >= 1.
    [[nodiscard]] std::vector<CpuShare> take(int count);
    void give_back(CpuShare const& share);

    [[nodiscard]] int cores() const noexcept { return static_cast<int>(cores_.size()); }
    [[nodiscard]] int free_cores() const;
    [[nodiscard]] int nodes() const;
    /// Numbers of all CPUs, ascending.
    [[nodiscard]] std::vector<int> cpus() const;

  private:
    struct Core {
        int name = 0;
        int node = 0;
        std::vector<int> cpus;
        int holders = 0;
    };
    using CoreList = std::vector<std::size_t>;

    [[nodiscard]] CoreList cores_held_by(int holders) const;
    [[nodiscard]] CoreList choose(std::size_t count, CoreList& from) const;
    [[nodiscard]] std::vector<CoreList> by_node(CoreList const& list) const;
    [[nodiscard]] CpuShare hold(CoreList cores, int sharers);
    [[nodiscard]] std::vector<CpuShare> take_own(int count);
    [[nodiscard]] std::vector<CpuShare> take_shared(int count);

    std::vector<Core> cores_;
};

}  // namespace reprise
