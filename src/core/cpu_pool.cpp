#include "reprise/core/cpu_pool.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "reprise/core/contract.hpp"

namespace reprise {

CpuPool::CpuPool(std::vector<Cpu> const& cpus) {
    REPRISE_EXPECT(!cpus.empty());
    for (auto const& cpu : cpus) {
        auto core = std::find_if(cores_.begin(), cores_.end(),
                                 [&](Core const& known) { return known.name == cpu.core; });
        if (core == cores_.end()) core = cores_.insert(core, {cpu.core, cpu.node, {}, 0});
        core->cpus.push_back(cpu.number);
    }
}

std::vector<CpuShare> CpuPool::take(int count) {
    REPRISE_EXPECT(count >= 1);
    return free_cores() >= count ? take_own(count) : take_shared(count);
}

void CpuPool::give_back(CpuShare const& share) {
    for (auto const core : share.cores) {
        REPRISE_EXPECT(core < cores_.size() && cores_[core].holders > 0);
        --cores_[core].holders;
    }
}

int CpuPool::free_cores() const { return static_cast<int>(cores_held_by(0).size()); }

int CpuPool::nodes() const {
    std::set<int> nodes;
    for (auto const& core : cores_) nodes.insert(core.node);
    return static_cast<int>(nodes.size());
}

std::vector<int> CpuPool::cpus() const {
    std::vector<int> all;
    for (auto const& core : cores_) all.insert(all.end(), core.cpus.begin(), core.cpus.end());
    std::sort(all.begin(), all.end());
    return all;
}

CpuPool::CoreList CpuPool::cores_held_by(int holders) const {
    CoreList list;
    for (std::size_t core = 0; core < cores_.size(); ++core) {
        if (cores_[core].holders == holders) list.push_back(core);
    }
    return list;
}

std::vector<CpuPool::CoreList> CpuPool::by_node(CoreList const& list) const {
    std::vector<CoreList> groups;
    for (auto const core : list) {
        auto const group = std::find_if(groups.begin(), groups.end(), [&](CoreList const& known) {
            return cores_[known.front()].node == cores_[core].node;
        });
        if (group == groups.end()) {
            groups.push_back({core});
        } else {
            group->push_back(core);
        }
    }
    return groups;
}

/// Takes cores out of `from`: of the node that they fill best, else of as few nodes as possible.
CpuPool::CoreList CpuPool::choose(std::size_t count, CoreList& from) const {
    CoreList chosen;
    while (chosen.size() < count) {
        auto const missing = count - chosen.size();
        auto const groups = by_node(from);
        REPRISE_ASSERT(!groups.empty());
        auto const worse = [&](CoreList const& one, CoreList const& other) {
            bool const one_fits = one.size() >= missing;
            bool const other_fits = other.size() >= missing;
            if (one_fits != other_fits) return other_fits;
            return one_fits ? one.size() > other.size() : one.size() < other.size();
        };
        auto const& best = *std::max_element(groups.begin(), groups.end(), worse);
        auto const part = static_cast<std::ptrdiff_t>(std::min(missing, best.size()));
        chosen.insert(chosen.end(), best.begin(), best.begin() + part);
        std::erase_if(from, [&](std::size_t core) {
            return std::find(chosen.begin(), chosen.end(), core) != chosen.end();
        });
    }
    return chosen;
}

CpuShare CpuPool::hold(CoreList cores, int sharers) {
    CpuShare share{{}, std::move(cores), sharers};
    for (auto const core : share.cores) {
        ++cores_[core].holders;
        auto const& cpus = cores_[core].cpus;
        share.cpus.insert(share.cpus.end(), cpus.begin(), cpus.end());
    }
    std::sort(share.cpus.begin(), share.cpus.end());
    return share;
}

std::vector<CpuShare> CpuPool::take_own(int count) {
    auto available = cores_held_by(0);
    std::vector<CpuShare> shares;
    for (int left = count; left > 0; --left) {
        auto const parts = static_cast<std::size_t>(left);
        // Rounded up: the larger shares come first, while the nodes still have room for them.
        auto const size = (available.size() + parts - 1) / parts;
        shares.push_back(hold(choose(size, available), 1));
    }
    return shares;
}

/// All of them on the same cores: the operating system moves them about, which is fairer than
/// pinning two to one core and one to another. Where the nodes divide the attempts evenly, each
/// stays within a node.
std::vector<CpuShare> CpuPool::take_shared(int count) {
    auto const by_holders = [](Core const& one, Core const& other) {
        return one.holders < other.holders;
    };
    int const fewest = std::min_element(cores_.begin(), cores_.end(), by_holders)->holders;
    auto const candidates = cores_held_by(fewest);
    auto groups = by_node(candidates);
    auto const attempts = static_cast<std::size_t>(count);
    bool const even = std::all_of(groups.begin(), groups.end(), [&](CoreList const& group) {
        return attempts * group.size() % candidates.size() == 0;
    });
    if (!even) groups = {candidates};
    std::vector<CpuShare> shares;
    for (auto const& group : groups) {
        auto const starting = static_cast<int>(attempts * group.size() / candidates.size());
        for (int i = 0; i < starting; ++i) shares.push_back(hold(group, fewest + starting));
    }
    REPRISE_ENSURE(shares.size() == attempts);
    return shares;
}

}  // namespace reprise
