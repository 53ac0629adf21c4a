#include "reprise/protocol/cluster_messages.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "reprise/core/contract.hpp"
#include "support/datagram_reader.hpp"
#include "support/message_text.hpp"

namespace reprise::cluster {
namespace {

Message through_bytes(Message const& message) { return test::decode(encode(message)); }

TEST(ClusterMessagesTest, EveryMessageComesBackFromItsBytes) {
    std::int64_t const id = 12;
    std::vector<Message> const messages = {
        JobStarted{id, "node-ä"},
        ErrorEncountered{id, {"Traceback:\n", "", "RuntimeError: no\n"}},
        ResultsSent{id, {{"mean_eprewmean", -0.25}, {"std_eprewmean", 0.5}, {"a", 1e300}}},
        JobConcluded{id},
        ExitForResume{id},
        Progress{id, 1.0},
        EarlyReport{id, {{"mean_eprewmean", 5e-324}}},
    };
    for (std::size_t type = 0; type < messages.size(); ++type) {
        EXPECT_EQ(messages[type].index(), type);
        EXPECT_EQ(through_bytes(messages[type]), messages[type]) << name_of(messages[type]);
    }
}

TEST(ClusterMessagesTest, TheBytesArePinned) {
    std::string hex;
    for (std::byte const value : encode(JobStarted{300, "node1"})) {
        hex += test::to_hex(std::string(1, static_cast<char>(value)));
    }
    // protocol 4, frame of 15: 0, 300, "node1", tuple, tuple, end
    EXPECT_EQ(hex,
              "8004"
              "950f00000000000000"
              "4b00"
              "4d2c01"
              "8c056e6f646531"
              "86862e");
}

TEST(ClusterMessagesTest, IdsOfEverySizeArriveUnchanged) {
    for (int bit = 0; bit < 63; ++bit) {
        for (std::int64_t const offset : {-1, 0, 1}) {
            for (std::int64_t const sign : {-1, 1}) {
                JobConcluded const message{sign * ((std::int64_t{1} << bit) + offset)};
                EXPECT_EQ(through_bytes(message), Message(message)) << message.id;
            }
        }
    }
    for (std::int64_t const id :
         {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
        EXPECT_EQ(through_bytes(JobConcluded{id}), Message(JobConcluded{id}));
    }
}

TEST(ClusterMessagesTest, OnlyFiniteNumbersLeave) {
    double const nan = std::numeric_limits<double>::quiet_NaN();
    double const inf = std::numeric_limits<double>::infinity();
    for (double const bad : {nan, inf, -inf}) {
        EXPECT_THROW((void)encode(ResultsSent{1, {{"mean", bad}}}), ContractViolation);
        EXPECT_THROW((void)encode(EarlyReport{1, {{"mean", 0.0}, {"std", bad}}}),
                     ContractViolation);
        EXPECT_THROW((void)encode(Progress{1, bad}), ContractViolation);
    }
}

TEST(ClusterMessagesTest, ProgressIsAboveZeroAndAtMostOne) {
    EXPECT_THROW((void)encode(Progress{1, 0.0}), ContractViolation);
    EXPECT_THROW((void)encode(Progress{1, -0.1}), ContractViolation);
    EXPECT_THROW((void)encode(Progress{1, std::nextafter(1.0, 2.0)}), ContractViolation);
    EXPECT_NO_THROW((void)encode(Progress{1, std::numeric_limits<double>::denorm_min()}));
}

TEST(ClusterMessagesTest, AMetricNamedTwiceIsABug) {
    EXPECT_THROW((void)encode(ResultsSent{1, {{"mean", 1.0}, {"mean", 2.0}}}), ContractViolation);
}

TEST(ClusterMessagesTest, MetricsThatDoNotFitAreABug) {
    EXPECT_THROW((void)encode(ResultsSent{1, {{std::string(70'000, 'm'), 1.0}}}),
                 ContractViolation);
}

TEST(ClusterMessagesTest, BytesThatAreNoTextAreReplaced) {
    EXPECT_EQ(through_bytes(JobStarted{1,
                                       "n\xff"
                                       "1"}),
              Message(JobStarted{1,
                                 "n\xef\xbf\xbd"
                                 "1"}));
    EXPECT_EQ(through_bytes(ErrorEncountered{1, {"\xc3\n"}}),
              Message(ErrorEncountered{1, {"\xef\xbf\xbd\n"}}));
}

TEST(ClusterMessagesTest, ALongHostNameIsCutBetweenCharacters) {
    std::string name = "n";
    while (name.size() < 2 * max_hostname_bytes) {
        name += "ä";
    }
    EXPECT_EQ(std::get<JobStarted>(through_bytes(JobStarted{1, name})).hostname,
              name.substr(0, max_hostname_bytes - 1));
}

TEST(ClusterMessagesTest, AnErrorThatFitsIsNotTouched) {
    ErrorEncountered const error{1, {"first\n", std::string(60'000, 'x'), "\nlast\n"}};
    EXPECT_EQ(through_bytes(error), Message(error));
}

TEST(ClusterMessagesTest, AnErrorOfAnySizeFitsIntoOneDatagram) {
    for (std::size_t const size : {65'000UL, 65'400UL, 65'500UL, 65'507UL, 65'600UL, 300'000UL}) {
        for (std::size_t const width : {1UL, 80UL, 255UL, 256UL, 5'000UL, 1'000'000UL}) {
            ErrorEncountered error{-1, {"first\n"}};
            for (std::size_t done = 0; done < size; done += width) {
                error.lines.push_back(std::string(std::min(width, size - done), 'x') + "\n");
            }
            error.lines.emplace_back("last\n");
            std::vector<std::byte> const datagram = encode(error);
            EXPECT_LE(datagram.size(), max_datagram_bytes);
            auto const lines = std::get<ErrorEncountered>(test::decode(datagram)).lines;
            EXPECT_EQ(lines.front(), "first\n");
            EXPECT_EQ(lines.back(), "last\n");
        }
    }
}

TEST(ClusterMessagesTest, AnErrorIsCutBeforeTheLastByteOfADatagram) {
    std::int64_t const widest_id = std::numeric_limits<std::int64_t>::min();
    for (std::size_t size = 65'300; size < max_datagram_bytes + 10; ++size) {
        EXPECT_LE(encode(ErrorEncountered{widest_id, {std::string(size, 'x')}}).size(),
                  max_datagram_bytes)
            << size;
    }
}

TEST(MessageTextTest, EveryMessageComesBackFromItsText) {
    std::vector<Message> const messages = {
        JobStarted{-3, ""},
        JobStarted{-3, std::string("a\0 \xff", 4)},
        ErrorEncountered{1, {"", "a b\n"}},
        ErrorEncountered{1, {}},
        ResultsSent{2, {{"a", 0.1}, {"", -1.0}}},
        JobConcluded{3},
        ExitForResume{4},
        Progress{5, 0.3},
        EarlyReport{6, {{"b", 2.0}}},
    };
    for (Message const& message : messages) {
        EXPECT_EQ(test::message_from_text(test::to_text(message)), message);
    }
}

}  // namespace
}  // namespace reprise::cluster
