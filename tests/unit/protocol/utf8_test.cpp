#include "reprise/protocol/utf8.hpp"

#include <gtest/gtest.h>

namespace reprise {
namespace {

std::string const mark = "\xef\xbf\xbd";  // U+FFFD

TEST(Utf8Test, ValidTextStaysAsItIs) {
    for (std::string const text : {"", "abc", "äλ☃", "\U0001f9be", "\U0010ffff", "\u0800", "\ud7ff",
                                   "\ue000", "\U00010000"}) {
        EXPECT_EQ(to_valid_utf8(text), text);
    }
    EXPECT_EQ(to_valid_utf8(std::string("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Utf8Test, EachMaximalPartOfACharacterBecomesOneMark) {
    EXPECT_EQ(to_valid_utf8("\xff"), mark);
    EXPECT_EQ(to_valid_utf8("\x80\x80"), mark + mark);
    EXPECT_EQ(to_valid_utf8("\xc0\xaf"), mark + mark);                        // overlong
    EXPECT_EQ(to_valid_utf8("\xed\xa0\x80"), mark + mark + mark);             // surrogate
    EXPECT_EQ(to_valid_utf8("\xf4\x90\x80\x80"), mark + mark + mark + mark);  // above U+10FFFF
    EXPECT_EQ(to_valid_utf8("\xe2\x98"), mark);                               // cut off
    EXPECT_EQ(to_valid_utf8("\xf0\x9f\xa6"
                            "a"),
              mark + "a");
    EXPECT_EQ(to_valid_utf8("\xc3"
                            "a"),
              mark + "a");
    EXPECT_EQ(to_valid_utf8("\xe0\x80\x80"), mark + mark + mark);
    // The example of the Unicode standard, table 3-11.
    EXPECT_EQ(to_valid_utf8("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"),
              mark + mark + mark + mark + "A");
}

TEST(Utf8Test, PrefixAndSuffixEndBetweenCharacters) {
    std::string_view const text = "aä☃\U0001f9be";  // 1 + 2 + 3 + 4 bytes
    EXPECT_EQ(utf8_prefix(text, 0), "");
    EXPECT_EQ(utf8_prefix(text, 2), "a");
    EXPECT_EQ(utf8_prefix(text, 3), "aä");
    EXPECT_EQ(utf8_prefix(text, 9), "aä☃");
    EXPECT_EQ(utf8_prefix(text, 10), text);
    EXPECT_EQ(utf8_suffix(text, 0), "");
    EXPECT_EQ(utf8_suffix(text, 3), "");
    EXPECT_EQ(utf8_suffix(text, 6), "\U0001f9be");
    EXPECT_EQ(utf8_suffix(text, 7), "☃\U0001f9be");
    EXPECT_EQ(utf8_suffix(text, 11), text);
}

TEST(Utf8Test, ALineIsWhatATerminalShowsInTheEnd) {
    EXPECT_EQ(to_shown_line("plain\ttext"), "plain\ttext");
    EXPECT_EQ(to_shown_line("text\r\n"), "text");
    EXPECT_EQ(to_shown_line(" 10%\r 50%\r100%\r"), "100%");
    EXPECT_EQ(to_shown_line("\x1b[1;31mred\x1b[0m"), "red");
    EXPECT_EQ(to_shown_line("a\x1b"), "a");
    EXPECT_EQ(to_shown_line("a\x1b[12"), "a");
    EXPECT_EQ(to_shown_line("\x1b[\x1b[1mb"), "b");
    EXPECT_EQ(to_shown_line(std::string_view("a\0\a\x7f"
                                             "b",
                                             5)),
              "ab");
    EXPECT_EQ(to_shown_line("\xff"), mark);
}

}  // namespace
}  // namespace reprise
