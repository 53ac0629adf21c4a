// Encodes messages as the program does, for Python scripts that play the server.
//
//     send_messages < TEXT                  prints the datagrams in hexadecimal, a line each
//     send_messages ADDRESS PORT < TEXT     sends them to the IPv4 address
//
// TEXT: a message a line, see message_text.hpp.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <string_view>
#include <vector>

#include "support/message_text.hpp"

namespace {

class Sender {
  public:
    Sender(char const* address, char const* port) : socket_(socket(AF_INET, SOCK_DGRAM, 0)) {
        server_.sin_family = AF_INET;
        server_.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
        if (socket_ < 0 || inet_pton(AF_INET, address, &server_.sin_addr) != 1) {
            throw std::runtime_error(std::string("no IPv4 address: ") + address);
        }
    }
    ~Sender() { close(socket_); }
    Sender(Sender const&) = delete;
    Sender& operator=(Sender const&) = delete;

    void send(std::vector<std::byte> const& datagram) const {
        auto const* const server = reinterpret_cast<sockaddr const*>(&server_);
        if (sendto(socket_, datagram.data(), datagram.size(), 0, server, sizeof server_) < 0) {
            throw std::runtime_error("the datagram was not sent");
        }
    }

  private:
    int socket_;
    sockaddr_in server_{};
};

void run(int argc, char** argv) {
    std::optional<Sender> sender;
    if (argc == 3) {
        sender.emplace(argv[1], argv[2]);
    }
    for (std::string line; std::getline(std::cin, line);) {
        std::vector<std::byte> const datagram =
            reprise::cluster::encode(reprise::test::message_from_text(line));
        if (sender) {
            sender->send(datagram);
        } else {
            std::cout << reprise::test::to_hex(std::string_view(
                             reinterpret_cast<char const*>(datagram.data()), datagram.size()))
                      << '\n';
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run(argc, argv);
        return 0;
    } catch (std::exception const& error) {
        std::cerr << "send_messages: " << error.what() << '\n';
        return 1;
    }
}
