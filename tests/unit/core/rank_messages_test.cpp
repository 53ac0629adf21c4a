#include "reprise/protocol/rank_messages.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "reprise/core/contract.hpp"

namespace reprise {
namespace {

template <class Payload>
Payload round_trip(Payload const& payload) {
    return std::get<Payload>(decode_payload(encode_payload(payload)));
}

TEST(RankMessagesTest, OrderSurvivesItsBytes) {
    TrainingOrder order;
    order.key = {1, 2, 3, 4};
    order.run_dir = "/tmp/\xff not utf-8";
    order.files = {{"a.json", "{}"}, {"b", std::string("\0\n", 2)}};
    order.learner = {"learn", "--x", ""};
    order.variables = {"A=b=c"};
    order.stop_grace_ms = 123456789012;
    order.share = {{0, 2, 64}, 3, true, {"GPU-1", "0"}};
    order.set_threads = false;
    order.run_time_limit_ms = 1;
    order.stall_timeout_ms = 2;
    order.memory_limit_mb = 3;
    order.base = {5, 6, 7, 8, true};
    order.iteration_steps = 9;
    order.checkpoints = "a/*.zip";
    EXPECT_EQ(round_trip(order), order);
}

TEST(RankMessagesTest, ReportSurvivesItsBytes) {
    AttemptReport report;
    report.record.key = {0, 0, 0, 1};
    report.record.outcome = AttemptOutcome::succeeded;
    report.record.reward = -0.1;
    report.record.message = "\xc3";
    report.stderr_tail = {"a", ""};
    EXPECT_EQ(round_trip(report), report);
}

TEST(RankMessagesTest, NaNStaysNaN) {
    AttemptReport report;
    report.record.reward = std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(std::isnan(round_trip(report).record.reward));
    EXPECT_TRUE(std::isnan(round_trip(StepsReport{{}, 5, std::nan("")}).reward));
}

TEST(RankMessagesTest, SmallOnesSurviveTheirBytes) {
    EXPECT_EQ(round_trip(StopOrder{{1, 1, 1, 1}, StopReason::time_limit, 1500}),
              (StopOrder{{1, 1, 1, 1}, StopReason::time_limit, 1500}));
    EXPECT_EQ(round_trip(Dismissal{}), Dismissal{});
}

TEST(RankMessagesTest, FactsAboutAHostSurviveTheirBytes) {
    RankReady const ready{{"node1", {{0, 0, 1}, {64, 0, 1}}, 1.5, {"0", "GPU-1"}, "/dev", true}};
    EXPECT_EQ(round_trip(ready), ready);
}

TEST(RankMessagesTest, GarbageIsABug) {
    EXPECT_THROW((void)decode_payload(""), ContractViolation);
    EXPECT_THROW((void)decode_payload("hello"), ContractViolation);
    auto bytes = encode_payload(Dismissal{});
    bytes[1] = 0x17;  // a type that does not exist
    EXPECT_THROW((void)decode_payload(bytes), ContractViolation);
}

}  // namespace
}  // namespace reprise
