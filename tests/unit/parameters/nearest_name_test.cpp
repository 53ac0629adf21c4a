#include "reprise/parameters/nearest_name.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace reprise {
namespace {

TEST(NearestNameTest, CountsEdits) {
    EXPECT_EQ(edit_distance("", "abc"), 3U);
    EXPECT_EQ(edit_distance("abc", "abc"), 0U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
    EXPECT_EQ(edit_distance("rnaks", "ranks"), 1U);
}

TEST(NearestNameTest, FindsTheNameThatWasMeant) {
    std::vector<std::string> const known{"ranks", "launcher", "reducers"};
    EXPECT_EQ(did_you_mean("rank", known), " Did you mean 'ranks'?");
    EXPECT_EQ(did_you_mean("reducer", known), " Did you mean 'reducers'?");
    EXPECT_EQ(did_you_mean("laun", known, "runner."), " Did you mean 'runner.launcher'?");
    EXPECT_EQ(did_you_mean("something", known), " Known: 'ranks', 'launcher', 'reducers'.");
    EXPECT_EQ(did_you_mean("x", {}), "");
    EXPECT_FALSE(nearest_name(std::string(100'000, 'a'), known));
}

}  // namespace
}  // namespace reprise
