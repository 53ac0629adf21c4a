// Writes random messages for pickle_check.py, the same ones for the same seed.
//
//     write_random_messages SEED COUNT
//
// A line each: "message TEXT HEX" (TEXT as in support/message_text.hpp with blanks as ';', HEX the
// datagram), or "int VALUE HEX", "float BITS HEX", "text HEX-OF-TEXT HEX" for single values.
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <limits>
#include <random>

#include "reprise/protocol/pickle_writer.hpp"
#include "support/message_text.hpp"

namespace {

using reprise::PickleWriter;
using reprise::cluster::Metrics;
namespace cluster = reprise::cluster;
namespace test = reprise::test;

class Source {
  public:
    explicit Source(std::uint64_t seed) : random_(seed) {}

    /// In [0, end).
    std::uint64_t below(std::uint64_t end) { return random_() % end; }

    std::int64_t integer() {
        std::uint64_t const bits = random_() >> below(64);
        return static_cast<std::int64_t>(below(2) == 0 ? bits : ~bits);
    }

    double finite() {
        switch (below(5)) {
            case 0:
                return static_cast<double>(integer());
            case 1:
                return std::uniform_real_distribution<>(-1.0, 1.0)(random_);
            case 2:
                return std::numeric_limits<double>::denorm_min();
            case 3:
                return -0.0;
            default:
                break;
        }
        double value = std::numeric_limits<double>::infinity();
        while (value - value != 0.0) {
            value = std::bit_cast<double>(random_());
        }
        return value;
    }

    std::size_t size(std::size_t max) {
        constexpr std::size_t edges[] = {0, 1, 254, 255, 256, 257, 65'535, 65'536, 65'537};
        std::size_t const size = below(4) == 0 ? edges[below(std::size(edges))] : below(60);
        return std::min(size, max);
    }

    /// Letters, characters of every length, or arbitrary bytes.
    std::string text(std::size_t max_bytes) {
        std::size_t const bytes = size(max_bytes);
        std::uint64_t const kind = below(3);
        std::string text;
        while (text.size() < bytes) {
            switch (kind) {
                case 0:
                    text += static_cast<char>(' ' + below(95));
                    break;
                case 1:
                    text += character();
                    break;
                default:
                    text += byte();
                    break;
            }
        }
        text.resize(bytes);  // may cut a character
        return text;
    }

    Metrics metrics() {
        Metrics metrics;
        for (std::uint64_t count = below(8); count > 0; --count) {
            std::string name = std::to_string(count);  // no two are the same
            name += text(300);
            metrics.emplace_back(name, finite());
        }
        return metrics;
    }

    cluster::Message message() {
        std::int64_t const id = integer();
        switch (below(7)) {
            case 0:
                return cluster::JobStarted{id, text(below(4) == 0 ? 100'000 : 300)};
            case 1: {
                cluster::ErrorEncountered error{id, {}};
                std::uint64_t const widest = below(8) == 0 ? 100'000 : 100;
                for (std::uint64_t count = below(8) == 0 ? below(3'000) : below(5); count > 0;
                     --count) {
                    error.lines.push_back(text(widest) + '\n');
                }
                return error;
            }
            case 2:
                return cluster::ResultsSent{id, metrics()};
            case 3:
                return cluster::JobConcluded{id};
            case 4:
                return cluster::ExitForResume{id};
            case 5:
                return cluster::Progress{id,
                                         1.0 - std::uniform_real_distribution<>(0.0, 1.0)(random_)};
            default:
                return cluster::EarlyReport{id, metrics()};
        }
    }

  private:
    /// Bytes that matter to UTF-8 come up often.
    char byte() {
        constexpr char notable[] =
            "\x7f\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xdf\xe0\xed\xef\xf0\xf4\xf5";
        return below(2) == 0 ? notable[below(sizeof notable)] : static_cast<char>(below(256));
    }

    std::string character() {
        constexpr char const* characters[] = {"a", "\n", "ä", "λ", "☃", "\ufffd", "\U0001f9be"};
        return characters[below(std::size(characters))];
    }

    std::mt19937_64 random_;
};

std::string hex(std::vector<std::byte> const& bytes) {
    return test::to_hex(
        std::string_view(reinterpret_cast<char const*>(bytes.data()), bytes.size()));
}

void write_int(std::int64_t value) {
    PickleWriter pickle;
    pickle.push_int(value);
    std::cout << "int " << value << ' ' << hex(std::move(pickle).finish()) << '\n';
}

void write_float(double value) {
    PickleWriter pickle;
    pickle.push_float(value);
    std::cout << "float " << test::to_hex(value) << ' ' << hex(std::move(pickle).finish()) << '\n';
}

void write_text(std::string const& value) {
    PickleWriter pickle;
    pickle.push_text(value);
    std::cout << "text " << test::to_hex(value) << ' ' << hex(std::move(pickle).finish()) << '\n';
}

void write_message(cluster::Message const& message) {
    std::string text = test::to_text(message);
    std::replace(text.begin(), text.end(), ' ', ';');
    std::cout << "message " << text << ' ' << hex(cluster::encode(message)) << '\n';
}

void write_edges() {
    for (int bit = 0; bit < 63; ++bit) {
        std::int64_t const power = std::int64_t{1} << bit;
        for (std::int64_t const value : {power - 1, power, power + 1}) {
            write_int(value);
            write_int(-value);
        }
    }
    write_int(std::numeric_limits<std::int64_t>::max());
    write_int(std::numeric_limits<std::int64_t>::min());
    using Limits = std::numeric_limits<double>;
    for (double const value : {0.0, 1.0, Limits::min(), Limits::max(), Limits::denorm_min(),
                               Limits::infinity(), Limits::quiet_NaN(), Limits::epsilon()}) {
        write_float(value);
        write_float(-value);
    }
    for (std::size_t const size : {0, 1, 255, 256, 65'535, 65'536, 100'000}) {
        write_text(std::string(size, 'x'));
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 3) {
            std::cerr << "usage: write_random_messages SEED COUNT\n";
            return 2;
        }
        Source source(std::strtoull(argv[1], nullptr, 10));
        write_edges();
        for (long count = std::strtol(argv[2], nullptr, 10); count > 0; --count) {
            write_message(source.message());
            write_int(source.integer());
            write_float(source.finite());
        }
        return std::cout.flush() ? 0 : 1;
    } catch (std::exception const& error) {
        std::cerr << "write_random_messages: " << error.what() << '\n';
        return 1;
    }
}
