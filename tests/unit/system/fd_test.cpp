#include "reprise/system/fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <utility>

#include "reprise/core/error.hpp"
#include "reprise/system/posix_error.hpp"

namespace reprise {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(FdTest, ClosesAtItsEnd) {
    int number = -1;
    {
        auto const pipe = make_pipe();
        number = pipe.read_end.get();
        EXPECT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
}

TEST(FdTest, MovingPassesOwnership) {
    auto pipe = make_pipe();
    int const number = pipe.read_end.get();
    Fd other = std::move(pipe.read_end);
    EXPECT_EQ(other.get(), number);
    int const replaced = pipe.write_end.get();
    pipe.write_end = std::move(other);
    EXPECT_FALSE(is_open(replaced));
    EXPECT_TRUE(is_open(number));
}

TEST(FdTest, FailingCloseIsReported) {
    Fd fd(999999);
    EXPECT_THROW(fd.close(), Error);
    EXPECT_FALSE(fd);
}

TEST(FdTest, PipesAreNotInherited) {
    auto const pipe = make_pipe();
    EXPECT_NE(::fcntl(pipe.read_end.get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_NE(::fcntl(pipe.write_end.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(PosixErrorTest, NamesOperationSubjectCauseAndRemedy) {
    auto const error = posix_error(ENOSPC, "write", "results.h5");
    EXPECT_EQ(error.kind(), Error::Kind::no_space);
    EXPECT_STREQ(error.what(),
                 "cannot write 'results.h5' (No space left on device). Free some space on that "
                 "file system.");
}

TEST(PosixErrorTest, KindsTellWhatCanBeDone) {
    EXPECT_EQ(kind_of_errno(EDQUOT), Error::Kind::no_space);
    EXPECT_EQ(kind_of_errno(EROFS), Error::Kind::no_space);
    EXPECT_EQ(kind_of_errno(ENOENT), Error::Kind::not_found);
    EXPECT_EQ(kind_of_errno(EACCES), Error::Kind::permission);
    EXPECT_EQ(kind_of_errno(EADDRINUSE), Error::Kind::busy);
    EXPECT_EQ(kind_of_errno(EHOSTUNREACH), Error::Kind::unreachable);
    EXPECT_EQ(kind_of_errno(EIO), Error::Kind::other);
}

}  // namespace
}  // namespace reprise
