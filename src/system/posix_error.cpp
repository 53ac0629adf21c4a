#include "reprise/system/posix_error.hpp"

#include <cerrno>
#include <system_error>

namespace reprise {
namespace {

/// What usually helps; empty where nothing general can be said.
char const* usual_remedy(int number) noexcept {
    switch (number) {
        case ENOSPC:
            return "Free some space on that file system.";
        case EDQUOT:
            return "The disk quota is used up: delete something or ask for more.";
        case EROFS:
            return "Choose a directory on a file system that can be written to.";
        case EACCES:
        case EPERM:
            return "Check the owner and the permissions.";
        case EMFILE:
        case ENFILE:
            return "Raise the limit of open files (ulimit -n).";
        case EAGAIN:
        case ENOMEM:
            return "The machine or its limits (ulimit -u, memory) are exhausted.";
        default:
            return "";
    }
}

}  // namespace

Error::Kind kind_of_errno(int number) noexcept {
    switch (number) {
        case ENOENT:
        case ENOTDIR:
        case ESRCH:
            return Error::Kind::not_found;
        case EACCES:
        case EPERM:
            return Error::Kind::permission;
        case ENOSPC:
        case EDQUOT:
        case EROFS:
            return Error::Kind::no_space;
        case EAGAIN:
        case EBUSY:
        case EADDRINUSE:
        case ETXTBSY:
            return Error::Kind::busy;
        case ECONNREFUSED:
        case ECONNRESET:
        case EHOSTUNREACH:
        case EHOSTDOWN:
        case ENETUNREACH:
        case ENETDOWN:
        case EADDRNOTAVAIL:
        case ETIMEDOUT:
            return Error::Kind::unreachable;
        default:
            return Error::Kind::other;
    }
}

std::string text_of_errno(int number) {
    // Unlike strerror() safe with threads.
    return std::error_code(number, std::generic_category()).message();
}

Error posix_error(int number, std::string const& operation, std::string const& subject,
                  std::string const& suggestion) {
    return {kind_of_errno(number), operation, subject, text_of_errno(number),
            suggestion.empty() ? usual_remedy(number) : suggestion};
}

}  // namespace reprise
