#include "reprise/system/last_will.hpp"

#include <unistd.h>

#include "reprise/protocol/hex.hpp"
#include "reprise/system/file_system.hpp"
#include "reprise/system/udp_link.hpp"

namespace reprise {
void write_last_will(std::string const& directory, std::string const& host, int port,
                     std::span<std::byte const> datagram) {
    auto const message = to_hex({reinterpret_cast<char const*>(datagram.data()), datagram.size()});
    std::string text;
    for (auto const& address : resolve_udp(host, port)) {
        auto const* const bytes = reinterpret_cast<char const*>(&address.storage);
        text += to_hex({bytes, address.length}) + ' ' + message + '\n';
    }
    write_file(directory + "/" + last_will_name, text);
}

bool claim_last_will(std::string const& directory) noexcept {
    return ::unlink((directory + "/" + last_will_name).c_str()) == 0;
}

}  // namespace reprise
