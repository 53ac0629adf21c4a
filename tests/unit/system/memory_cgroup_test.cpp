#include "reprise/system/memory_cgroup.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "reprise/core/error.hpp"
#include "reprise/system/child_process.hpp"
#include "reprise/system/file_system.hpp"
#include "support/fake_cgroups.hpp"
#include "support/forked.hpp"

namespace reprise {
namespace {

using test::FakeCgroups;

std::string mount_line(std::string const& root, std::string const& point, std::string const& rest) {
    return "35 31 0:32 " + root + " " + point + " rw,relatime shared:9 - " + rest + "\n";
}

void describe(FakeCgroups const& tree, std::string const& cgroup, std::string const& mountinfo) {
    FakeCgroups::set(tree.proc() + "/cgroup", cgroup);
    FakeCgroups::set(tree.proc() + "/mountinfo", mountinfo);
}

std::vector<std::string> runs_in(std::string const& directory) {
    auto names = list_directory(directory);
    std::erase_if(names, [](auto const& name) { return name.rfind("reprise.run.", 0) != 0; });
    return names;
}

// ---- the own one --------------------------------------------------------------------------------

TEST(MemoryCgroupTest, OwnOneOfVersion1IsWhereTheMemoryControllerIs) {
    FakeCgroups tree(false);
    auto const job = tree.at("job");
    describe(tree, "5:cpu:/other\n4:memory:/job\n0::/else\n",
             mount_line("/", "/sys/fs/cgroup/cpu", "cgroup cgroup rw,cpu") +
                 mount_line("/", tree.mount(), "cgroup cgroup rw,memory") +
                 mount_line("/", "/sys/fs/cgroup/unified", "cgroup2 cgroup2 rw"));
    EXPECT_EQ(own_memory_cgroup(tree.proc()), job);
}

TEST(MemoryCgroupTest, AMountMayShowAPartOfTheTree) {
    FakeCgroups tree(false);
    auto const inner = tree.at("inner");
    describe(tree, "4:cpu,memory:/docker/12/inner\n",
             mount_line("/docker/12", tree.mount(), "cgroup cgroup rw,cpu,memory"));
    EXPECT_EQ(own_memory_cgroup(tree.proc()), inner);
    describe(tree, "4:memory:/docker/123\n",
             mount_line("/docker/12", tree.mount(), "cgroup cgroup rw,memory"));
    EXPECT_FALSE(own_memory_cgroup(tree.proc()).has_value());
}

TEST(MemoryCgroupTest, OwnOneOfVersion2NeedsTheController) {
    FakeCgroups tree(true);
    auto const job = tree.at("job 7");
    auto mount = tree.mount();
    describe(tree, "0::/job 7\n", mount_line("/", mount, "cgroup2 cgroup2 rw,nsdelegate"));
    EXPECT_EQ(own_memory_cgroup(tree.proc()), job);
    FakeCgroups::set(job.path + "/cgroup.controllers", "cpu pids\n");
    EXPECT_FALSE(own_memory_cgroup(tree.proc()).has_value());
}

TEST(MemoryCgroupTest, NoneIsSeenWhereNoneIs) {
    FakeCgroups tree(false);
    EXPECT_FALSE(own_memory_cgroup(tree.proc()).has_value());
    describe(tree, "4:memory:/gone\n", mount_line("/", tree.mount(), "cgroup cgroup rw,memory"));
    EXPECT_FALSE(own_memory_cgroup(tree.proc()).has_value());
}

TEST(MemoryCgroupTest, KillsAreCounted) {
    FakeCgroups tree(false);
    auto const job = tree.at("job");
    EXPECT_EQ(oom_kills(job), 0);
    FakeCgroups::set(job.path + "/memory.oom_control",
                     "oom_kill_disable 5\nunder_oom 6\noom_kill 17\n");
    EXPECT_EQ(oom_kills(job), 17);
    FakeCgroups::set(job.path + "/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n");
    EXPECT_EQ(oom_kills(job), 0);  // before Linux 4.13
}

// ---- one for a run ------------------------------------------------------------------------------

TEST(RunCgroupTest, Version1LimitsMemoryAndSwapTogether) {
    FakeCgroups tree(false);
    auto const job = tree.at("job");
    FakeCgroups::set(job.path + "/cgroup.procs", "17\n");
    std::string path;
    {
        auto const run = RunCgroup::make(job, 300, tree);
        path = run.cgroup().path;
        EXPECT_EQ(std::filesystem::path(path).parent_path(), job.path);
        EXPECT_EQ(run.procs_path(), path + "/cgroup.procs");
        EXPECT_EQ(FakeCgroups::read(path + "/memory.limit_in_bytes"), "314572800");
        EXPECT_EQ(FakeCgroups::read(path + "/memory.memsw.limit_in_bytes"), "314572800");
    }
    EXPECT_FALSE(is_directory(path));
    EXPECT_EQ(FakeCgroups::read(job.path + "/cgroup.procs"), "17\n");
}

TEST(RunCgroupTest, Version2MovesTheOthersAsideAndForbidsSwap) {
    FakeCgroups tree(true);
    auto const job = tree.at("job");
    FakeCgroups::set(job.path + "/cgroup.procs", "17\n18\n");
    auto const run = RunCgroup::make(job, 300, tree);
    EXPECT_EQ(FakeCgroups::read(run.cgroup().path + "/memory.max"), "314572800");
    EXPECT_EQ(FakeCgroups::read(run.cgroup().path + "/memory.swap.max"), "0");
    EXPECT_EQ(FakeCgroups::read(job.path + "/reprise.rest/cgroup.procs"), "17\n18\n");
    EXPECT_EQ(FakeCgroups::read(job.path + "/cgroup.procs"), "");

    // The next one is made by a process that was moved aside.
    auto const rest = tree.at("job/reprise.rest");
    auto const next = RunCgroup::make(rest, 100, tree);
    EXPECT_EQ(std::filesystem::path(next.cgroup().path).parent_path(), job.path);
    EXPECT_EQ(runs_in(job.path).size(), 2U);
}

TEST(RunCgroupTest, Version2IsAsItWasWhenNoRunIsLeft) {
    FakeCgroups tree(true);
    auto const job = tree.at("job");
    FakeCgroups::set(job.path + "/cgroup.procs", "17\n18\n");
    describe(tree, "0::/job/reprise.rest\n",
             mount_line("/", tree.mount(), "cgroup2 cgroup2 rw,nsdelegate"));
    {
        auto const run = RunCgroup::make(job, 300, tree);
        sweep_run_cgroups(tree, tree.proc());
        EXPECT_EQ(FakeCgroups::read(job.path + "/cgroup.procs"), "") << "a run is left";
    }
    auto const foreign = tree.at("job/something");
    sweep_run_cgroups(tree, tree.proc());
    EXPECT_EQ(FakeCgroups::read(job.path + "/cgroup.procs"), "") << "it may need the controller";
    (void)tree.remove(foreign.path);
    sweep_run_cgroups(tree, tree.proc());
    EXPECT_EQ(FakeCgroups::read(job.path + "/cgroup.procs"), "17\n18\n");
    EXPECT_EQ(FakeCgroups::read(job.path + "/cgroup.subtree_control"), "");
    EXPECT_FALSE(is_directory(job.path + "/reprise.rest"));
    EXPECT_TRUE(RunCgroup::make(job, 300, tree).cgroup().version_2) << "and so on";
}

TEST(RunCgroupTest, NoSwapIsNoProblem) {
    FakeCgroups tree(true);
    tree.has_swap = false;
    auto const run = RunCgroup::make(tree.at("job"), 1, tree);
    EXPECT_EQ(FakeCgroups::read(run.cgroup().path + "/memory.max"), "1048576");
}

TEST(RunCgroupTest, WhatMayNotBeMadeIsAnErrorThatNamesIt) {
    FakeCgroups tree(false);
    auto const job = tree.at("job");
    tree.forbidden = EROFS;
    try {
        auto const run = RunCgroup::make(job, 1, tree);
        ADD_FAILURE() << "it was made";
    } catch (Error const& error) {
        EXPECT_NE(std::string(error.what()).find(job.path), std::string::npos);
        EXPECT_NE(std::string(error.what()).find("Read-only"), std::string::npos);
    }
}

TEST(RunCgroupTest, ALimitThatCannotBeSetLeavesNothingBehind) {
    struct NoLimits : FakeCgroups {
        NoLimits() : FakeCgroups(false) {}
        int write(std::string const& path, std::string const& text) override {
            return path.find("limit_in_bytes") != std::string::npos
                       ? EINVAL
                       : FakeCgroups::write(path, text);
        }
    } stubborn;
    auto const own = stubborn.at("job");
    EXPECT_THROW((void)RunCgroup::make(own, 1, stubborn), Error);
    EXPECT_EQ(runs_in(own.path), std::vector<std::string>{});
}

TEST(RunCgroupTest, WhatKilledOwnersLeftIsRemovedByTheNext) {
    FakeCgroups tree(false);
    auto const job = tree.at("job");
    auto const stale = tree.at("job/reprise.run.99.1");
    auto const foreign = tree.at("job/something");
    auto const in_use = RunCgroup::make(job, 1, tree);
    EXPECT_FALSE(is_directory(stale.path));
    auto const next = RunCgroup::make(job, 1, tree);
    EXPECT_TRUE(is_directory(in_use.cgroup().path));
    EXPECT_TRUE(is_directory(foreign.path));
}

TEST(RunCgroupTest, OneThatIsStillInUseStays) {
    FakeCgroups tree(false);
    auto const job = tree.at("job");
    std::string path;
    {
        auto const run = RunCgroup::make(job, 1, tree);
        path = run.cgroup().path;
        FakeCgroups::set(run.procs_path(), "17\n");
    }
    EXPECT_TRUE(is_directory(path));  // a process that even SIGKILL does not end
    FakeCgroups::set(path + "/cgroup.procs", "");
    auto const run = RunCgroup::make(job, 1, tree);
    EXPECT_FALSE(is_directory(path));
}

TEST(RunCgroupTest, TheLimitThatWasReachedMayBeThatOfTheJob) {
    for (bool const version_2 : {false, true}) {
        FakeCgroups tree(version_2);
        auto const run = RunCgroup::make(tree.at("job"), 100, tree);
        auto const& path = run.cgroup().path;
        EXPECT_FALSE(run.limit_was_reached());
        auto const* const peak = version_2 ? "/memory.peak" : "/memory.max_usage_in_bytes";
        FakeCgroups::set(path + peak, "52428800\n");
        EXPECT_DOUBLE_EQ(run.peak_mb(), 50.0);
        EXPECT_FALSE(run.limit_was_reached());
        if (version_2) {
            FakeCgroups::set(path + "/memory.events", "max 5\noom 1\noom_kill 1\n");
        } else {
            FakeCgroups::set(path + peak, "104857600\n");
        }
        EXPECT_TRUE(run.limit_was_reached());
    }
}

// ---- the kernel's -------------------------------------------------------------------------------

/// One in the real tree. Nothing, where this machine does not let us make one; that it does not is
/// seen in another way, too.
std::optional<RunCgroup> real_run_cgroup(MemoryCgroup const& own, std::int64_t limit_mb) {
    try {
        return RunCgroup::make(own, limit_mb);
    } catch (Error const& error) {
        auto const probe = own.path + "/reprise.probe";
        bool const possible = ::mkdir(probe.c_str(), 0755) == 0;
        if (possible) ::rmdir(probe.c_str());
        EXPECT_TRUE(!possible || own.version_2) << error.what();
        return std::nullopt;
    }
}

TEST(RealCgroupTest, TheKernelHoldsARunToItsLimit) {
    auto const own = own_memory_cgroup();
    if (!own) {
        EXPECT_FALSE(is_directory("/sys/fs/cgroup/memory"));
        return;
    }
    auto run = real_run_cgroup(*own, 64);
    if (!run) return;
    ProcessSpec spec;
    spec.cgroup_procs = run->procs_path();
    spec.argv = {REPRISE_SCRIPTED_CHILD, "allocate", "32", "exit", "3"};
    EXPECT_EQ(spawn(spec).wait().exit_code, 3);
    EXPECT_EQ(oom_kills(run->cgroup()), 0);
    EXPECT_GE(run->peak_mb(), 32.0);

    spec.argv = {REPRISE_SCRIPTED_CHILD, "allocate", "200", "exit", "3"};
    auto const status = spawn(spec).wait();
    EXPECT_EQ(status.signal, SIGKILL);
    EXPECT_EQ(oom_kills(run->cgroup()), 1);
    EXPECT_TRUE(run->limit_was_reached());
    EXPECT_NEAR(run->peak_mb(), 64.0, 2.0);
    auto const path = run->cgroup().path;
    run.reset();
    EXPECT_FALSE(is_directory(path));
}

TEST(RealCgroupTest, OneWhoseOwnerWasKilledIsSweptAway) {
    auto const own = own_memory_cgroup();
    if (!own) {
        EXPECT_FALSE(is_directory("/sys/fs/cgroup/memory"));
        return;
    }
    auto const probe = real_run_cgroup(*own, 64);
    if (!probe) return;
    auto const owner = test::run_forked([&] {
        auto const abandoned = RunCgroup::make(*own, 64);
        ::_exit(0);  // without destructors, as SIGKILL does it
        return 0;
    });
    EXPECT_EQ(test::status_of(owner), 0);
    auto const base = std::filesystem::path(probe->cgroup().path).parent_path().string();
    auto const left = [&] {
        auto names = runs_in(base);
        std::erase_if(names, [&](auto const& name) {
            return name.rfind("reprise.run." + std::to_string(owner) + ".", 0) != 0;
        });
        return names.size();
    };
    EXPECT_EQ(left(), 1U);
    sweep_run_cgroups();
    EXPECT_EQ(left(), 0U);
    EXPECT_TRUE(is_directory(probe->cgroup().path));
}

TEST(RealCgroupTest, ACgroupThatIsNotThereKeepsTheChildFromStarting) {
    ProcessSpec spec;
    spec.argv = {REPRISE_SCRIPTED_CHILD};
    spec.cgroup_procs = "/nowhere/cgroup.procs";
    try {
        auto child = spawn(spec);
        ADD_FAILURE() << "it was started";
    } catch (Error const& error) {
        EXPECT_NE(std::string(error.what()).find("/nowhere/cgroup.procs"), std::string::npos);
    }
}

}  // namespace
}  // namespace reprise
