/// @file Reads the datagrams of protocol/cluster_messages.hpp back, for tests and fake servers.
/// It knows the opcodes that PickleWriter writes and no others.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "reprise/protocol/cluster_messages.hpp"

namespace reprise::test {

/// A Python value: int, float, str, and tuple, list or dict as their elements in order.
struct PythonValue {
    enum class Kind { integer, real, text, tuple, list, dict, mark };
    Kind kind = Kind::integer;
    std::int64_t integer = 0;
    double real = 0.0;
    std::string text;
    std::vector<PythonValue> elements;  ///< of a dict: key, value, key, value…
};

class DatagramReader {
  public:
    explicit DatagramReader(std::span<std::byte const> bytes) : bytes_(bytes) {}

    /// Throws std::runtime_error if the bytes are anything but one pickle.
    PythonValue read() {
        expect(byte() == 0x80 && byte() == 4, "protocol 4");
        expect(byte() == 0x95, "a frame");
        expect(little_endian(8) == bytes_.size() - place_, "a frame up to the end");
        while (step()) {
        }
        expect(place_ == bytes_.size() && stack_.size() == 1, "one value at the end");
        return stack_.front();
    }

  private:
    using Kind = PythonValue::Kind;

    static void expect(bool condition, char const* what) {
        if (!condition) {
            throw std::runtime_error(std::string("not in the datagram: ") + what);
        }
    }

    unsigned char byte() {
        expect(place_ < bytes_.size(), "more bytes");
        return static_cast<unsigned char>(bytes_[place_++]);
    }

    std::uint64_t little_endian(int count) {
        std::uint64_t value = 0;
        for (int i = 0; i < count; ++i) {
            value |= std::uint64_t{byte()} << (8 * i);
        }
        return value;
    }

    std::int64_t signed_number(int count) {
        std::uint64_t const value = little_endian(count);
        int const unused = 64 - 8 * count;
        return static_cast<std::int64_t>(value << unused) >> unused;
    }

    void push(Kind kind) {
        stack_.emplace_back();
        stack_.back().kind = kind;
    }
    void push_integer(std::int64_t value) {
        push(Kind::integer);
        stack_.back().integer = value;
    }
    void push_real() {
        std::uint64_t bits = 0;
        for (int i = 0; i < 8; ++i) {
            bits = bits << 8 | byte();
        }
        push(Kind::real);
        stack_.back().real = std::bit_cast<double>(bits);
    }
    void push_text(std::uint64_t size) {
        push(Kind::text);
        for (std::uint64_t i = 0; i < size; ++i) {
            stack_.back().text += static_cast<char>(byte());
        }
    }

    void wrap(std::size_t count) {
        expect(stack_.size() >= count, "what a tuple holds");
        PythonValue tuple;
        tuple.kind = Kind::tuple;
        for (std::size_t i = stack_.size() - count; i < stack_.size(); ++i) {
            expect(stack_[i].kind != Kind::mark, "a value in a tuple");
            tuple.elements.push_back(stack_[i]);
        }
        stack_.resize(stack_.size() - count);
        stack_.push_back(std::move(tuple));
    }

    void collect(Kind kind) {
        std::size_t first = stack_.size();
        while (first > 0 && stack_[first - 1].kind != Kind::mark) {
            --first;
        }
        expect(first >= 2 && stack_[first - 2].kind == kind, "a list or dict below the mark");
        expect(kind == Kind::list || (stack_.size() - first) % 2 == 0, "a value for each key");
        auto& elements = stack_[first - 2].elements;
        for (std::size_t i = first; i < stack_.size(); ++i) {
            elements.push_back(stack_[i]);
        }
        stack_.resize(first - 1);
    }

    /// One opcode. False at the end of the pickle.
    bool step() {
        switch (byte()) {
            case '.':
                return false;
            case 'K':
                push_integer(static_cast<std::int64_t>(little_endian(1)));
                break;
            case 'M':
                push_integer(static_cast<std::int64_t>(little_endian(2)));
                break;
            case 'J':
                push_integer(signed_number(4));
                break;
            case 0x8a:
                push_integer(signed_number(byte()));
                break;
            case 'G':
                push_real();
                break;
            case 0x8c:
                push_text(little_endian(1));
                break;
            case 'X':
                push_text(little_endian(4));
                break;
            case ']':
                push(Kind::list);
                break;
            case '}':
                push(Kind::dict);
                break;
            case '(':
                push(Kind::mark);
                break;
            case 'e':
                collect(Kind::list);
                break;
            case 'u':
                collect(Kind::dict);
                break;
            case 0x85:
                wrap(1);
                break;
            case 0x86:
                wrap(2);
                break;
            default:
                expect(false, "a known opcode");
        }
        return true;
    }

    std::span<std::byte const> bytes_;
    std::size_t place_ = 0;
    std::vector<PythonValue> stack_;
};

inline cluster::Metrics metrics_from(PythonValue const& dict) {
    cluster::Metrics metrics;
    for (std::size_t i = 0; i < dict.elements.size(); i += 2) {
        metrics.emplace_back(dict.elements[i].text, dict.elements[i + 1].real);
    }
    return metrics;
}

/// The message that a datagram holds. Throws std::exception if it holds none.
inline cluster::Message decode(std::span<std::byte const> datagram) {
    PythonValue const value = DatagramReader(datagram).read();
    PythonValue const& payload = value.elements.at(1);
    std::int64_t const id = payload.elements.at(0).integer;
    switch (value.elements.at(0).integer) {
        case 0:
            return cluster::JobStarted{id, payload.elements.at(1).text};
        case 1: {
            cluster::ErrorEncountered error{id, {}};
            for (PythonValue const& line : payload.elements.at(1).elements) {
                error.lines.push_back(line.text);
            }
            return error;
        }
        case 2:
            return cluster::ResultsSent{id, metrics_from(payload.elements.at(1))};
        case 3:
            return cluster::JobConcluded{id};
        case 4:
            return cluster::ExitForResume{id};
        case 5:
            return cluster::Progress{id, payload.elements.at(1).real};
        case 6:
            return cluster::EarlyReport{id, metrics_from(payload.elements.at(1))};
        default:
            throw std::runtime_error("unknown message type");
    }
}

}  // namespace reprise::test
