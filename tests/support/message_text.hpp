/// @file A cluster_utils message as one line of text, for tools and tests that exchange messages
/// with Python: NAME ID PART… with every text and double in hexadecimal.
///
///     JOB_STARTED 5 6e6f646531              host name
///     ERROR_ENCOUNTERED 5 610a 620a         lines; '-' is an empty one
///     JOB_SENT_RESULTS 5 6d=3fe0000000000000   name=bits of the double, big-endian
///     JOB_PROGRESS_PERCENTAGE 5 3fe0000000000000
#pragma once

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "reprise/core/error.hpp"
#include "reprise/protocol/cluster_messages.hpp"

namespace reprise::test {

inline std::string to_hex(std::string_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string hex;
    for (char const c : bytes) {
        auto const value = static_cast<unsigned char>(c);
        hex += digits[value >> 4];
        hex += digits[value & 0xf];
    }
    return hex.empty() ? "-" : hex;
}

inline std::uint64_t number_from_hex(std::string_view hex) {
    std::uint64_t value = 0;
    auto const [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
    if (error != std::errc() || end != hex.data() + hex.size()) {
        throw std::invalid_argument("no hexadecimal number: " + std::string(hex));
    }
    return value;
}

inline std::string from_hex(std::string_view hex) {
    std::string bytes;
    for (std::size_t i = 0; hex != "-" && i < hex.size(); i += 2) {
        bytes += static_cast<char>(number_from_hex(hex.substr(i, 2)));
    }
    return bytes;
}

inline std::string to_hex(double value) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx",
                  static_cast<unsigned long long>(std::bit_cast<std::uint64_t>(value)));
    return text;
}

inline double double_from_hex(std::string_view hex) {
    return std::bit_cast<double>(number_from_hex(hex));
}

inline std::string to_text(cluster::Message const& message) {
    std::string text = cluster::name_of(message);
    auto const add = [&text](std::string const& word) {
        text += ' ';
        text += word;
    };
    auto const add_metrics = [&add](cluster::Metrics const& metrics) {
        for (auto const& [name, value] : metrics) {
            add(to_hex(name) + '=' + to_hex(value));
        }
    };
    add(std::visit([](auto const& content) { return std::to_string(content.id); }, message));
    std::visit(Overloaded{
                   [&](cluster::JobStarted const& m) { add(to_hex(m.hostname)); },
                   [&](cluster::ErrorEncountered const& m) {
                       for (std::string const& line : m.lines) {
                           add(to_hex(line));
                       }
                   },
                   [&](cluster::ResultsSent const& m) { add_metrics(m.metrics); },
                   [](cluster::JobConcluded const&) {},
                   [](cluster::ExitForResume const&) {},
                   [&](cluster::Progress const& m) { add(to_hex(m.fraction)); },
                   [&](cluster::EarlyReport const& m) { add_metrics(m.metrics); },
               },
               message);
    return text;
}

/// Throws std::invalid_argument for a line that is none.
inline cluster::Message message_from_text(std::string const& line) {
    std::istringstream words(line);
    std::string name;
    std::int64_t id = 0;
    if (!(words >> name >> id)) {
        throw std::invalid_argument("no message: " + line);
    }
    std::vector<std::string> parts;
    for (std::string part; words >> part;) {
        parts.push_back(part);
    }
    auto const metrics = [&parts] {
        cluster::Metrics result;
        for (std::string const& part : parts) {
            std::size_t const equals = part.find('=');
            result.emplace_back(from_hex(part.substr(0, equals)),
                                double_from_hex(std::string_view(part).substr(equals + 1)));
        }
        return result;
    };
    if (name == "JOB_STARTED") {
        return cluster::JobStarted{id, from_hex(parts.at(0))};
    }
    if (name == "ERROR_ENCOUNTERED") {
        cluster::ErrorEncountered error{id, {}};
        for (std::string const& part : parts) {
            error.lines.push_back(from_hex(part));
        }
        return error;
    }
    if (name == "JOB_SENT_RESULTS") {
        return cluster::ResultsSent{id, metrics()};
    }
    if (name == "JOB_CONCLUDED") {
        return cluster::JobConcluded{id};
    }
    if (name == "EXIT_FOR_RESUME") {
        return cluster::ExitForResume{id};
    }
    if (name == "JOB_PROGRESS_PERCENTAGE") {
        return cluster::Progress{id, double_from_hex(parts.at(0))};
    }
    if (name == "METRIC_EARLY_REPORT") {
        return cluster::EarlyReport{id, metrics()};
    }
    throw std::invalid_argument("unknown message: " + line);
}

}  // namespace reprise::test
