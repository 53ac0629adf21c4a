#include "reprise/commands/launcher_messages.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "reprise/core/contract.hpp"

namespace reprise {
namespace {

template <class Message>
Message through_bytes(Message const& message) {
    return std::get<Message>(decode_launcher_message(encode_launcher_message(message)));
}

Verdict sample_verdict() {
    return {VerdictKind::failed,
            {{"mean_eprewmean", -0.25}, {"std_eprewmean", 5e-324}, {"a", 1.7e308}},
            "learning run 0 failed",
            {"last lines", "", "ValueError"}};
}

TEST(LauncherMessagesTest, LogLinesComeBack) {
    for (auto const level : {LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error}) {
        auto const message = through_bytes(LogLine{level, "rank 0: näher"});
        EXPECT_EQ(message.level, level);
        EXPECT_EQ(message.line, "rank 0: näher");
    }
}

TEST(LauncherMessagesTest, StartsComeBack) {
    for (int const number : {0, 1, 24, 1000, std::numeric_limits<int>::max()}) {
        EXPECT_EQ(through_bytes(StartRecorded{number}).number, number);
    }
}

TEST(LauncherMessagesTest, VerdictsComeBack) {
    auto verdict = sample_verdict();
    for (auto const kind :
         {VerdictKind::done, VerdictKind::failed, VerdictKind::resume, VerdictKind::terminated}) {
        verdict.kind = kind;
        EXPECT_EQ(through_bytes(VerdictReached{verdict}).verdict, verdict);
    }
    EXPECT_EQ(through_bytes(VerdictReached{}).verdict, Verdict{});
}

TEST(LauncherMessagesTest, AnyBytesMayStandInATextAndComeBackUnchanged) {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
    EXPECT_EQ(through_bytes(LogLine{LogLevel::info, bytes}).line, bytes);
    Verdict const verdict{VerdictKind::failed, {}, bytes, {bytes, "\xff"}};
    EXPECT_EQ(through_bytes(VerdictReached{verdict}).verdict, verdict);
}

TEST(LauncherMessagesTest, MessagesThatAreCutAreRefused) {
    for (LauncherMessage const& message :
         {LauncherMessage(LogLine{LogLevel::info, "line"}), LauncherMessage(StartRecorded{300}),
          LauncherMessage(VerdictReached{sample_verdict()})}) {
        auto const bytes = encode_launcher_message(message);
        for (std::size_t length = 0; length < bytes.size(); ++length) {
            EXPECT_THROW((void)decode_launcher_message(bytes.substr(0, length)), ContractViolation)
                << length << " of " << bytes.size() << " bytes";
        }
    }
}

TEST(LauncherMessagesTest, OtherValuesAreRefused) {
    std::string const log = "\xa2\x63log";     // {"log": …
    std::string const line = "\x64line\x61x";  // "line": "x"}
    for (std::string const& bytes : {
             std::string("garbage"),
             std::string("\xa0"),                      // {}
             std::string("\x80"),                      // []
             std::string("\xf6"),                      // null
             std::string("\x65start"),                 // "start"
             log + "\x04" + line,                      // a level that does not exist
             log + "\x20" + line,                      // -1
             log + "\xf5" + line,                      // true
             log + "\xf9\x3c\x01" + line,              // 1.0009765625
             log + "\x61i" + line,                     // "i"
             std::string("\xa1\x65start\x61x"),        // a start without number
             std::string("\xa1\x67verdict\x01"),       // a verdict without the rest
             std::string("\xa1\x65start\x01\x01", 9),  // more after the message
         }) {
        EXPECT_THROW((void)decode_launcher_message(bytes), ContractViolation) << bytes;
    }
    EXPECT_NO_THROW((void)decode_launcher_message(log + "\x03" + line));
}

TEST(LauncherMessagesTest, DamageIsRefusedOrGivesAnotherMessageAndNothingElse) {
    auto const good = encode_launcher_message(VerdictReached{sample_verdict()});
    std::mt19937 random(1);
    for (std::size_t place = 0; place < good.size(); ++place) {
        for (int trial = 0; trial < 8; ++trial) {
            auto bytes = good;
            bytes[place] = static_cast<char>(random());
            try {
                (void)decode_launcher_message(bytes);
            } catch (ContractViolation const&) {
                continue;
            }
        }
    }
}

}  // namespace
}  // namespace reprise
