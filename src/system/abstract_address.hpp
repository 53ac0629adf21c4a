/// @file Addresses of Unix sockets in the abstract namespace (unix(7)): a zero byte, then the name.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "reprise/core/contract.hpp"

namespace reprise {

struct AbstractAddress {
    explicit AbstractAddress(std::string const& name) {
        REPRISE_EXPECT(!name.empty() && name.size() < sizeof storage.sun_path);
        storage.sun_family = AF_UNIX;
        std::copy(name.begin(), name.end(), storage.sun_path + 1);
        length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    }
    [[nodiscard]] sockaddr const* get() const noexcept {
        return reinterpret_cast<sockaddr const*>(&storage);
    }

    sockaddr_un storage{};
    socklen_t length = 0;
};

}  // namespace reprise
