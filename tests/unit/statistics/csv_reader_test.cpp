#include "reprise/statistics/csv_reader.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace reprise {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::vector<std::string> texts(CsvReader::Record const& record) {
    std::vector<std::string> result;
    for (CsvCell const& cell : record) {
        result.push_back(cell.text);
    }
    return result;
}

struct Reading {
    Rows rows;
    std::vector<std::string> unfinished;
    friend bool operator==(Reading const&, Reading const&) = default;
};

Reading read(std::string_view text, std::size_t piece = std::string_view::npos) {
    CsvReader reader;
    Reading reading;
    while (!text.empty()) {
        std::string_view part = text.substr(0, piece);
        text.remove_prefix(part.size());
        CsvReader::Record const* record = nullptr;
        while (reader.next(part, record)) {
            reading.rows.push_back(texts(*record));
        }
    }
    if (auto const* const rest = reader.finish(); rest != nullptr) {
        reading.unfinished = texts(*rest);
    }
    return reading;
}

TEST(CsvReaderTest, CellsAndRecords) {
    EXPECT_EQ(read("a,b\n1,2\n").rows, (Rows{{"a", "b"}, {"1", "2"}}));
    EXPECT_EQ(read("a,b\r\n1,2\r\n").rows, (Rows{{"a", "b"}, {"1", "2"}}));
    EXPECT_EQ(read(",\n,,\n").rows, (Rows{{"", ""}, {"", "", ""}}));
    EXPECT_EQ(read("").rows, Rows());
}

TEST(CsvReaderTest, BlankLinesAreNoRecords) {
    EXPECT_EQ(read("\n\na\n\r\n\nb\n").rows, (Rows{{"a"}, {"b"}}));
    EXPECT_EQ(read("\"\"\n").rows, (Rows{{""}}));
}

TEST(CsvReaderTest, QuotesAsInRfc4180) {
    EXPECT_EQ(read("\"a,b\",\"c\"\"d\"\n").rows, (Rows{{"a,b", "c\"d"}}));
    EXPECT_EQ(read("\"two\nlines\",1\n").rows, (Rows{{"two\nlines", "1"}}));
    EXPECT_EQ(read("\"a\"\r\n\"b\r\"\n").rows, (Rows{{"a"}, {"b\r"}}));
}

TEST(CsvReaderTest, QuotesInOddPlacesAreText) {
    EXPECT_EQ(read("a\"b,c\"\n").rows, (Rows{{"a\"b", "c\""}}));
    EXPECT_EQ(read("\"a\"b\"c,d\n").rows, (Rows{{"ab\"c", "d"}}));
    EXPECT_EQ(read(" \"a\",b\n").rows, (Rows{{" \"a\"", "b"}}));
}

TEST(CsvReaderTest, AnUnfinishedLineComesLast) {
    EXPECT_EQ(read("a,b\n1,2"), (Reading{{{"a", "b"}}, {"1", "2"}}));
    EXPECT_EQ(read("a,b\n1,"), (Reading{{{"a", "b"}}, {"1", ""}}));
    EXPECT_EQ(read("a,b\n").unfinished.size(), 0U);
    EXPECT_EQ(read("a,b\n\"1").unfinished.size(), 0U);  // surely torn
}

TEST(CsvReaderTest, ALongCellIsCut) {
    std::string const longest(CsvReader::max_cell_bytes, 'x');
    EXPECT_EQ(read(longest + ",1\n").rows, (Rows{{longest, "1"}}));
    EXPECT_EQ(read(longest + "x,1\n").rows, (Rows{{longest, "1"}}));
    EXPECT_EQ(read('"' + longest + "xx,\",1\n").rows, (Rows{{longest, "1"}}));
}

TEST(CsvReaderTest, AStrayQuoteSwallowsNoMoreThanALongCell) {
    std::string text = "a,b\n\"1,2\n";
    for (int i = 0; i < 1'000; ++i) {
        text += "3,400000\n";
    }
    EXPECT_GT(read(text).rows.size(), 500U);
    EXPECT_EQ(read(text).rows.back(), (std::vector<std::string>{"3", "400000"}));
}

TEST(CsvReaderTest, CellsBeyondTheMaximumAreDropped) {
    std::string const row(CsvReader::max_columns + 10, ',');
    EXPECT_EQ(read(row + "\n1\n").rows.front().size(), CsvReader::max_columns);
    EXPECT_EQ(read(row + "\n1\n").rows.back(), (std::vector<std::string>{"1"}));
}

TEST(CsvReaderTest, ThePiecesDoNotMatter) {
    EXPECT_TRUE(rc::check("pieces", [] {
        auto const text = *rc::gen::container<std::string>(
            rc::gen::element('a', '"', ',', '\n', '\r', ' ', '\0', '\xff'));
        Reading const whole = read(text);
        for (std::size_t const piece : {1UL, 2UL, 3UL, 7UL}) {
            RC_ASSERT(read(text, piece) == whole);
        }
    }));
}

TEST(CsvReaderTest, WhatIsWrittenIsRead) {
    EXPECT_TRUE(rc::check("round trip", [] {
        auto const cell = rc::gen::container<std::string>(
            rc::gen::element('a', '"', ',', '\n', '\r', ' ', '\0', '\xff'));
        auto const rows = *rc::gen::container<Rows>(
            rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(cell)));
        std::string text;
        for (auto const& row : rows) {
            for (std::size_t i = 0; i < row.size(); ++i) {
                text += i > 0 ? ",\"" : "\"";
                for (char const c : row[i]) {
                    text += c == '"' ? "\"\"" : std::string(1, c);
                }
                text += '"';
            }
            text += '\n';
        }
        RC_ASSERT(read(text).rows == rows);
    }));
}

}  // namespace
}  // namespace reprise
