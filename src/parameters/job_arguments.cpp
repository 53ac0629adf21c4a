#include "reprise/parameters/job_arguments.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "reprise/core/error.hpp"
#include "reprise/parameters/nearest_name.hpp"
#include "reprise/parameters/python_literal.hpp"

namespace reprise {

namespace {

constexpr char const* usage =
    "Give 'settings.json [key=value …]', or what cluster_utils gives: --job-id=N "
    "--cluster-utils-server=HOST:PORT --parameter-dict \"{…}\".";

std::optional<std::int64_t> to_integer(std::string_view text) {
    std::int64_t value = 0;
    auto const* const end = text.data() + text.size();
    auto const [stop, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

std::int64_t to_job_id(std::string_view text) {
    auto const id = to_integer(text);
    if (!id || *id < 0) {
        throw InputError("--job-id is '" + std::string(text) +
                         "' (not an integer from 0). Give the id of the cluster_utils job.");
    }
    return *id;
}

ServerAddress make_address(std::string_view host, std::string_view port, std::string const& given) {
    auto const number = to_integer(port);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    if (host.empty() || host.find_first_of(" []") != std::string_view::npos) {
        throw InputError("the cluster_utils server is '" + given +
                         "' (no host name). Give HOST:PORT, such as 10.0.0.1:4711.");
    }
    if (!number || *number < 1 || *number > 65535) {
        throw InputError("the cluster_utils server is '" + given +
                         "' (no port between 1 and 65535). Give HOST:PORT, such as 10.0.0.1:4711.");
    }
    return {std::string(host), static_cast<std::uint16_t>(*number)};
}

/// Splits at the last colon, as the client does; so 2001:db8::1:4711 works without brackets.
ServerAddress to_address(std::string const& text) {
    auto const colon = text.rfind(':');
    if (colon == std::string::npos) return make_address(text, "", text);
    auto const view = std::string_view(text);
    return make_address(view.substr(0, colon), view.substr(colon + 1), text);
}

bool is_dictionary(std::string const& text) {
    auto const first = text.find_first_not_of(" \t");
    return first != std::string::npos && text[first] == '{';
}

/// Options and the rest of the command line, still without meaning.
struct SplitArguments {
    std::optional<std::string> job_id;
    std::optional<std::string> server;
    bool parameter_dict = false;
    std::vector<std::string> positional;
};

class Splitter {
  public:
    explicit Splitter(std::vector<std::string> const& arguments) : arguments_(arguments) {}

    SplitArguments split() {
        for (; at_ < arguments_.size(); ++at_) {
            auto const& argument = arguments_[at_];
            if (argument == "--" && !only_positional_) {
                only_positional_ = true;
            } else if (only_positional_ || !argument.starts_with("-")) {
                result_.positional.push_back(argument);
            } else if (argument == "--parameter-dict") {
                result_.parameter_dict = true;
            } else if (!take_option("--job-id", result_.job_id) &&
                       !take_option("--cluster-utils-server", result_.server)) {
                refuse_unknown(argument);
            }
        }
        return std::move(result_);
    }

  private:
    bool take_option(std::string const& name, std::optional<std::string>& value) {
        auto const& argument = arguments_[at_];
        if (argument == name) {
            if (at_ + 1 == arguments_.size()) {
                throw InputError("option " + name + " has no value. " + usage);
            }
            value = arguments_[++at_];
            return true;
        }
        if (!argument.starts_with(name + "=")) return false;
        value = argument.substr(name.size() + 1);
        return true;
    }
    [[noreturn]] static void refuse_unknown(std::string const& argument) {
        static std::vector<std::string> const known{"--job-id", "--cluster-utils-server",
                                                    "--parameter-dict", "--exit-for-restart",
                                                    "--log-level"};
        auto const name = argument.substr(0, argument.find('='));
        throw InputError("option '" + name + "' is unknown." + did_you_mean(name, known));
    }

    std::vector<std::string> const& arguments_;
    std::size_t at_ = 0;
    bool only_positional_ = false;
    SplitArguments result_;
};

/// The first dictionary of the 2.x form, if it is one: {'_id': 4, 'ip': '10.0.0.1', 'port': 4711}.
std::optional<nlohmann::ordered_json> connection_of(std::string const& text) {
    auto const literal = parse_python_literal(text);
    if (!literal || !literal.value().is_object()) return std::nullopt;
    auto const& value = literal.value();
    bool const names_server = value.contains("ip") && value.contains("port");
    if (!names_server && !value.contains("_id")) return std::nullopt;
    return value;
}

void take_connection(nlohmann::ordered_json const& connection, JobArguments& result) {
    for (auto const* const name : {"_id", "ip", "port"}) {
        if (!connection.contains(name)) {
            throw InputError(std::string("the dictionary of the server lacks '") + name +
                             "'. Give {'_id': N, 'ip': HOST, 'port': PORT}.");
        }
    }
    auto const text_of = [](nlohmann::ordered_json const& value) {
        return value.is_string() ? value.get<std::string>() : value.dump();
    };
    result.job_id = to_job_id(text_of(connection["_id"]));
    auto const host = text_of(connection["ip"]);
    auto const port = text_of(connection["port"]);
    result.server = make_address(host, port, host + ":" + port);
}

}  // namespace

JobArguments parse_job_arguments(std::vector<std::string> const& arguments) {
    auto split = Splitter(arguments).split();
    JobArguments result;
    if (split.job_id) result.job_id = to_job_id(*split.job_id);
    if (split.server) result.server = to_address(*split.server);
    if (result.server && !result.job_id) {
        throw InputError("--cluster-utils-server needs --job-id. " + std::string(usage));
    }
    auto& positional = split.positional;
    if (!split.parameter_dict && positional.size() >= 2 && is_dictionary(positional[0]) &&
        is_dictionary(positional[1])) {
        auto const connection = connection_of(positional[0]);
        if (!connection) {
            throw InputError(
                "the first of two dictionaries does not name a server. Give {'_id': N, 'ip': "
                "HOST, 'port': PORT} before the parameters.");
        }
        take_connection(*connection, result);
        positional.erase(positional.begin());
    }
    if (positional.empty()) {
        throw InputError("the parameters are missing. " + std::string(usage));
    }
    result.source.kind = split.parameter_dict || is_dictionary(positional[0])
                             ? ParameterSource::Kind::dictionary
                             : ParameterSource::Kind::file;
    result.source.text = std::move(positional[0]);
    result.source.overrides.assign(std::make_move_iterator(positional.begin() + 1),
                                   std::make_move_iterator(positional.end()));
    return result;
}

}  // namespace reprise
