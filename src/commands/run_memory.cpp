#include "reprise/commands/run_memory.hpp"

#include <algorithm>

#include "reprise/core/error.hpp"
#include "reprise/system/process_memory.hpp"

namespace reprise {

RunMemory::RunMemory(std::int64_t limit_mb, CgroupTree& tree) : own_(own_memory_cgroup()) {
    if (own_) kills_before_ = oom_kills(*own_);
    if (limit_mb <= 0) return;
    if (!own_) {
        why_watched_ = "no memory cgroups here";
        return;
    }
    try {
        run_.emplace(RunCgroup::make(*own_, limit_mb, tree));
    } catch (Error const& e) {
        why_watched_ = e.what();
    }
}

MemorySeen RunMemory::look() const {
    // What the kernel kills for want of memory further up is no fault of this training.
    if (run_) return {0.0, oom_kills(run_->cgroup()) > 0 && run_->limit_was_reached()};
    return {memory_used_mb(descendants()), false};
}

void RunMemory::complete(TrainingFacts& facts) const {
    if (run_) {
        facts.peak_memory_mb = std::max(facts.peak_memory_mb, run_->peak_mb());
        if (oom_kills(run_->cgroup()) == 0) return;
        facts.out_of_memory = run_->limit_was_reached() ? OutOfMemory::in_run : OutOfMemory::in_job;
    } else if (own_ && oom_kills(*own_) > kills_before_) {
        facts.out_of_memory = OutOfMemory::in_job;
    }
}

}  // namespace reprise
