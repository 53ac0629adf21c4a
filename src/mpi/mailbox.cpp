#include "reprise/mpi/mailbox.hpp"

#include <boost/mpi/collectives.hpp>
#include <boost/serialization/string.hpp>

#include "reprise/core/contract.hpp"

namespace reprise {
namespace {

constexpr int message_tag = 1;
/// A training order with its configuration files; far above any real one.
constexpr int max_message_bytes = 256 << 20;

}  // namespace

MpiSession::MpiSession()
    : environment_(boost::mpi::threading::single, /*abort_on_exception=*/true) {}

std::vector<std::string> MpiSession::hosts(std::string const& own) const {
    std::vector<std::string> all;
    boost::mpi::all_gather(world_, own, all);
    return all;
}

std::string MpiSession::of_rank_zero(std::string text) const {
    boost::mpi::broadcast(world_, text, 0);
    return text;
}

MpiMailbox::MpiMailbox(MpiSession const& session, std::function<void(int)> poke)
    : world_(session.world()), poke_(std::move(poke)) {}

MpiMailbox::~MpiMailbox() {
    for (auto& message : outgoing_) {
        if (!message->request.test()) {
            // MPI may still read the buffer: better to lose memory at the end than to free it.
            (void)message.release();  // NOLINT(bugprone-unused-return-value)
        }
    }
}

void MpiMailbox::send(int to, std::string bytes) {
    REPRISE_EXPECT(to >= 0 && to < world_.size() && to != world_.rank());
    REPRISE_EXPECT(bytes.size() <= static_cast<std::size_t>(max_message_bytes));
    auto message = std::make_unique<Outgoing>();
    message->bytes = std::move(bytes);
    message->request = world_.isend(to, message_tag, message->bytes.data(),
                                    static_cast<int>(message->bytes.size()));
    outgoing_.push_back(std::move(message));
    poke_(to);
}

std::optional<RankMessage> MpiMailbox::receive() {
    auto const status = world_.iprobe(boost::mpi::any_source, message_tag);
    if (!status) return std::nullopt;
    auto const size = status->count<char>();
    REPRISE_ASSERT(size.has_value());
    RankMessage message;
    message.rank = status->source();
    message.bytes.resize(static_cast<std::size_t>(*size));
    world_.recv(message.rank, message_tag, message.bytes.data(), *size);
    return message;
}

bool MpiMailbox::sending() {
    outgoing_.remove_if([](auto const& message) { return message->request.test().has_value(); });
    return !outgoing_.empty();
}

}  // namespace reprise
