#include "reprise/protocol/slurm_job.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace reprise {
namespace {

/// The bytes of tests/data/slurm/NAME.txt, recorded from Slurm 22.05 (README.md there).
std::string recorded(std::string const& name) {
    auto const path = std::string(REPRISE_TEST_DATA) + "/slurm/" + name + ".txt";
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw std::runtime_error(path + " cannot be opened");
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

/// Of a record of one job.
std::string id_of(std::string const& text) { return text.substr(6, text.find(' ') - 6); }

struct Case {
    char const* name;
    int restarts_before;
    char const* state;
    JobFate fate;
};

Case const cases[] = {
    {"running_unlimited", 0, "RUNNING", JobFate::running},
    {"running_with_limit", 0, "RUNNING", JobFate::running},
    {"signalled", 0, "RUNNING", JobFate::running},  // scancel --signal=TERM
    {"started_again", 1, "RUNNING", JobFate::running},
    {"cancelled", 0, "COMPLETING", JobFate::cancelled},
    {"time_limit", 0, "COMPLETING", JobFate::timed_out},
    {"requeued", 0, "COMPLETING", JobFate::requeued},
    {"requeued_and_held", 0, "COMPLETING", JobFate::requeued},
    {"preempted_and_requeued", 0, "COMPLETING", JobFate::requeued},
    {"preempted_not_requeued", 0, "COMPLETING", JobFate::preempted},
    {"preempted_and_cancelled", 0, "COMPLETING", JobFate::preempted},
    {"preempted_in_grace", 0, "RUNNING", JobFate::asked_to_make_way},
};

TEST(SlurmJobTest, TellsWhatBecameOfAJobFromRecordedAnswers) {
    for (auto const& expected : cases) {
        SCOPED_TRACE(expected.name);
        auto const text = recorded(expected.name);
        auto const job = parse_slurm_job(text, id_of(text));
        ASSERT_TRUE(job.has_value());
        EXPECT_EQ(job->state, expected.state);
        EXPECT_EQ(fate_of(*job, expected.restarts_before), expected.fate);
    }
}

TEST(SlurmJobTest, TellsWhatALostNodeDoesToAJob) {
    auto text = recorded("running_with_limit");
    auto const id = id_of(text);
    EXPECT_TRUE(parse_slurm_job(text, id).value().requeues);
    auto not_so = text;
    not_so.replace(text.find("Requeue=1"), 9, "Requeue=0");
    EXPECT_FALSE(parse_slurm_job(not_so, id).value().requeues);
    not_so = text;
    not_so.replace(text.find("BatchFlag=1"), 11, "BatchFlag=0");
    EXPECT_FALSE(parse_slurm_job(not_so, id).value().requeues) << "srun without a batch job";
}

TEST(SlurmJobTest, TellsWhenSlurmNoticesALostNode) {
    std::string const config =
        "Configuration data as of 2026-11-25T22:00:05\n"
        "SlurmctldTimeout        = 120 sec\n"
        "SlurmdTimeout           = 300 sec\n";
    EXPECT_EQ(parse_slurmd_timeout(config), 300);
    EXPECT_EQ(parse_slurmd_timeout("\nSlurmdTimeout           = 0 sec\n"), 0);
    EXPECT_EQ(parse_slurmd_timeout("\nSlurmdTimeout\n"), std::nullopt);
    EXPECT_EQ(parse_slurmd_timeout("\nSlurmdTimeout           = INFINITE\n"), std::nullopt);
    EXPECT_EQ(parse_slurmd_timeout(""), std::nullopt);
}

TEST(SlurmJobTest, TellsTheEndOfAJobThatRuns) {
    auto const end_of = [](std::string const& name) {
        auto const text = recorded(name);
        return parse_slurm_job(text, id_of(text)).value().end_s;
    };
    EXPECT_DOUBLE_EQ(end_of("running_with_limit").value(), 1795644965.0);  // 22:16:05 UTC
    EXPECT_FALSE(end_of("running_unlimited").has_value());
    EXPECT_FALSE(end_of("time_limit").has_value());  // that was its end, not its limit
}

TEST(SlurmJobTest, StatesOfJobsThatAreOverAndOfOtherVersions) {
    auto const fate = [](std::string const& state, std::string const& reason = "None") {
        return fate_of({state, reason, 0, false, false, {}}, 0);
    };
    EXPECT_EQ(fate("CANCELLED"), JobFate::cancelled);
    EXPECT_EQ(fate("CANCELLED,COMPLETING"), JobFate::cancelled);
    EXPECT_EQ(fate("PREEMPTED,COMPLETING"), JobFate::preempted);
    EXPECT_EQ(fate("TIMEOUT+COMPLETING"), JobFate::timed_out);
    EXPECT_EQ(fate("NODE_FAIL"), JobFate::node_failed);
    EXPECT_EQ(fate("FAILED"), JobFate::cancelled);
    EXPECT_EQ(fate("PENDING"), JobFate::requeued);
    EXPECT_EQ(fate("REQUEUE_HOLD"), JobFate::requeued);
    EXPECT_EQ(fate("SUSPENDED"), JobFate::unknown);
    EXPECT_EQ(fate("RUNNINGLIKE"), JobFate::unknown);
}

TEST(SlurmJobTest, TheJobsNameCannotLie) {
    auto const job = parse_slurm_job(
        "JobId=7 JobName=x JobState=CANCELLED Restarts=9 UserId=a(1) JobState=RUNNING Restarts=0 "
        "EndTime=1970-01-02T00:00:01 Command=/x JobState=PREEMPTED\n",
        "7");
    ASSERT_TRUE(job.has_value());
    EXPECT_EQ(job->state, "RUNNING");
    EXPECT_EQ(job->restarts, 0);
    EXPECT_DOUBLE_EQ(job->end_s.value(), 86401.0);
}

TEST(SlurmJobTest, AJobArrayHasALineForEachJob) {
    std::string const text =
        "JobId=70 ArrayJobId=70 ArrayTaskId=3 JobName=x UserId=a(1) JobState=PENDING\n"
        "JobId=7 ArrayJobId=70 ArrayTaskId=2 JobName=x UserId=a(1) JobState=CANCELLED\n"
        "JobId=71 ArrayJobId=70 ArrayTaskId=1 JobName=x UserId=a(1) JobState=RUNNING\n";
    EXPECT_EQ(parse_slurm_job(text, "7").value().state, "CANCELLED");
    EXPECT_EQ(parse_slurm_job(text, "71").value().state, "RUNNING");
    EXPECT_FALSE(parse_slurm_job(text, "72"));
}

TEST(SlurmJobTest, AnythingElseIsNoAnswer) {
    for (auto const* const text :
         {"", "\n", "\n\n", "slurm_load_jobs error: Invalid job id specified\n", "JobId=7 ",
          "JobId=7 UserId=a(1) Reason=None", "JobId=7 UserId=a(1) JobState= Reason=None"}) {
        EXPECT_FALSE(parse_slurm_job(text, "7")) << text;
    }
    auto const whole = recorded("cancelled");
    for (std::size_t length = 0; length < whole.size(); ++length) {
        (void)parse_slurm_job(whole.substr(0, length), "1");  // reads no further than there is
    }
}

TEST(SlurmJobTest, Times) {
    EXPECT_DOUBLE_EQ(parse_slurm_time("1970-01-01T00:00:00").value(), 0.0);
    EXPECT_DOUBLE_EQ(parse_slurm_time("2000-02-29T12:00:00").value(), 951825600.0);
    EXPECT_DOUBLE_EQ(parse_slurm_time("2026-11-25T22:16:05").value(), 1795644965.0);
    EXPECT_DOUBLE_EQ(parse_slurm_time("2100-03-01T00:00:00").value(), 4107542400.0);
    for (auto const* const text :
         {"Unknown", "None", "N/A", "", "2026-11-25", "11-25T22:16:05", "2026-13-25T22:16:05",
          "2026-11-25 22:16:05", "2026-11-25T22:16:-5", "2026-11-25T22:16:055"}) {
        EXPECT_FALSE(parse_slurm_time(text)) << text;
    }
}

}  // namespace
}  // namespace reprise
