#include "reprise/system/last_will.hpp"

#include <unistd.h>

#include "reprise/system/file_system.hpp"
#include "reprise/system/udp_link.hpp"

namespace reprise {
namespace {

void append_hex(std::string& text, void const* data, std::size_t size) {
    constexpr char digits[] = "0123456789abcdef";
    auto const* const bytes = static_cast<unsigned char const*>(data);
    for (std::size_t i = 0; i < size; ++i) {
        text += digits[bytes[i] >> 4U];
        text += digits[bytes[i] & 15U];
    }
}

}  // namespace

void write_last_will(std::string const& directory, std::string const& host, int port,
                     std::span<std::byte const> datagram) {
    std::string text;
    for (auto const& address : resolve_udp(host, port)) {
        append_hex(text, &address.storage, address.length);
        text += ' ';
        append_hex(text, datagram.data(), datagram.size());
        text += '\n';
    }
    write_file(directory + "/" + last_will_name, text);
}

bool claim_last_will(std::string const& directory) noexcept {
    return ::unlink((directory + "/" + last_will_name).c_str()) == 0;
}

}  // namespace reprise
