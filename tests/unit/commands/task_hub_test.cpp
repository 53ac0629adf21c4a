#include "reprise/commands/task_hub.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "reprise/commands/task_link.hpp"
#include "reprise/core/contract.hpp"
#include "reprise/system/poller.hpp"
#include "reprise/system/system_clock.hpp"

namespace reprise {
namespace {

using std::chrono::milliseconds;

TEST(TaskMessagesTest, MessagesComeBack) {
    auto const through_bytes = [](TaskMessage const& message) {
        return decode_task_message(encode_task_message(message));
    };
    auto const hello = std::get<TaskHello>(through_bytes(TaskHello{"s", 7, "node7"}));
    EXPECT_EQ(hello.secret, "s");
    EXPECT_EQ(hello.task, 7);
    EXPECT_EQ(hello.host, "node7");
    EXPECT_EQ(std::get<TaskGone>(through_bytes(TaskGone{"how"})).how, "how");
    EXPECT_TRUE(std::holds_alternative<EndNow>(through_bytes(EndNow{})));
    EXPECT_EQ(std::get<Leave>(through_bytes(Leave{VerdictKind::resume})).verdict,
              VerdictKind::resume);
    EXPECT_THROW((void)decode_task_message("x"), ContractViolation);
}

class TaskHubTest : public ::testing::Test {
  protected:
    /// Until it is true; the test's time limit is the limit.
    template <class Condition>
    void run_until(Condition condition) {
        while (!condition()) {
            hub_.advance();
            poll_events({}, milliseconds(1));
        }
    }
    void connect_all() {
        first_->met(hub_.address());
        second_->met(hub_.address());
        ASSERT_TRUE(first_->connected() && second_->connected());
    }

    SystemClock clock_;
    TaskHub hub_{3};
    std::optional<TaskLink> first_{std::in_place, 1, clock_};
    std::optional<TaskLink> second_{std::in_place, 2, clock_};
};

TEST_F(TaskHubTest, AllLeaveAsTaskZeroSays) {
    connect_all();
    first_->tell_gone("");
    second_->tell_gone("");
    EXPECT_TRUE(hub_.wait_until_gone(milliseconds(10000), true));
    EXPECT_EQ(hub_.lost(), std::nullopt);
    hub_.dismiss(VerdictKind::resume);
    EXPECT_EQ(first_->wait_for_leave(milliseconds(10000)), VerdictKind::resume);
    EXPECT_EQ(second_->wait_for_leave(milliseconds(10000)), VerdictKind::resume);
}

TEST_F(TaskHubTest, ALostRankIsNamedAndEndsTheOthers) {
    connect_all();
    second_->tell_gone("its rank ended with signal 9 (Killed)");
    run_until([&] { return hub_.lost().has_value(); });
    EXPECT_EQ(hub_.lost()->rfind("task 2 on ", 0), 0U) << *hub_.lost();
    EXPECT_NE(hub_.lost()->find(": its rank ended with signal 9 (Killed)"), std::string::npos);
    EXPECT_EQ(first_->lost(), std::nullopt);
    hub_.end_all();
    run_until([&] {
        first_->advance();
        return first_->lost().has_value();
    });
    EXPECT_FALSE(hub_.wait_until_gone(milliseconds(1), false)) << "task 1 has not said so";
    first_->tell_gone("task 0 ends the start");
    EXPECT_TRUE(hub_.wait_until_gone(milliseconds(10000), false));
}

TEST_F(TaskHubTest, ATaskWhoseLauncherIsKilledIsLost) {
    connect_all();
    run_until([&] {
        second_.reset();
        return hub_.lost().has_value();
    });
    EXPECT_NE(hub_.lost()->find("task 2"), std::string::npos);
}

TEST_F(TaskHubTest, ATaskThatWasDoneMayGoAway) {
    connect_all();
    second_->tell_gone("");
    second_.reset();
    first_->tell_gone("");
    EXPECT_TRUE(hub_.wait_until_gone(milliseconds(10000), true));
    EXPECT_EQ(hub_.lost(), std::nullopt);
}

TEST_F(TaskHubTest, StrangersAreNotHeard) {
    std::istringstream words(hub_.address());
    std::string secret;
    int port = 0;
    words >> secret >> port;
    auto const say = [&](std::string const& bytes) {
        auto channel = Channel::over(connect_tcp("127.0.0.1", port, milliseconds(5000)));
        channel.send(bytes);
        return channel;
    };
    connect_all();
    auto const wrong = say(encode_task_message(TaskHello{"wrong", 1, "here"}));
    auto const mute = say(encode_task_message(TaskGone{"mischief"}));
    auto const garbage = say(std::string("\xff\xff"));
    auto const beyond = say(encode_task_message(TaskHello{secret, 3, "here"}));
    first_->tell_gone("");
    second_->tell_gone("");
    // What strangers have said before was read by then.
    EXPECT_TRUE(hub_.wait_until_gone(milliseconds(10000), true));
    EXPECT_EQ(hub_.lost(), std::nullopt);
}

TEST_F(TaskHubTest, OneThatCannotReachTaskZeroSaysSo) {
    TaskLink alone(1, clock_);
    alone.met("secret 9 nowhere");
    ASSERT_TRUE(alone.lost());
    EXPECT_NE(alone.lost()->find("cannot reach the launcher of task 0 on nowhere"),
              std::string::npos);
    EXPECT_FALSE(alone.connected());
    EXPECT_EQ(alone.wait_for_leave(milliseconds(60000)), std::nullopt) << "without waiting";
}

TEST_F(TaskHubTest, WhoseTaskZeroIsGoneLeavesRankZeroAMoment) {
    std::optional<TaskHub> hub(std::in_place, 2);
    TaskLink link(1, clock_);
    link.met(hub->address());
    hub.reset();
    while (!link.deadline()) {
        link.advance();
        poll_events({}, milliseconds(1));
    }
    EXPECT_EQ(link.lost(), std::nullopt);
    EXPECT_GT(*link.deadline(), clock_.now() + milliseconds(3000));
    EXPECT_EQ(link.wait_for_leave(milliseconds(60000)), std::nullopt) << "without waiting";
}

}  // namespace
}  // namespace reprise
