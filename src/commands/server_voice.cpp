#include "reprise/commands/server_voice.hpp"

#include <utility>

#include "reprise/commands/log.hpp"
#include "reprise/core/error.hpp"
#include "reprise/protocol/error_report.hpp"
#include "reprise/system/last_will.hpp"
#include "reprise/system/udp_link.hpp"

namespace reprise {

ServerVoice::ServerVoice(JobArguments const& arguments) {
    if (!arguments.server) return;
    job_id_ = arguments.job_id.value();
    server_ = arguments.server;
    link_ = std::make_unique<UdpLink>(server_->host, server_->port);
}

ServerVoice::ServerVoice(std::unique_ptr<ServerLink> link, std::int64_t job_id)
    : link_(std::move(link)), job_id_(job_id) {}

void ServerVoice::say(cluster::Message const& message) {
    if (link_ == nullptr) return;
    if (!link_->send(cluster::encode(message))) {
        log_warning(std::string("the message ") + cluster::name_of(message) +
                    " to cluster_utils could not be sent");
    }
}

void ServerVoice::leave_last_will(std::string const& directory) const {
    if (!server_) return;
    try {
        write_last_will(directory, server_->host, server_->port,
                        cluster::encode(cluster::ExitForResume{job_id_}));
    } catch (Error const& e) {
        log_warning(e.what());
    }
}

void ServerVoice::started(std::string const& host) { say(cluster::JobStarted{job_id_, host}); }

void ServerVoice::progress(double fraction) { say(cluster::Progress{job_id_, fraction}); }

void ServerVoice::early_report(Metrics const& metrics) {
    say(cluster::EarlyReport{job_id_, metrics});
}

void ServerVoice::last_word(Verdict const& verdict) {
    switch (verdict.kind) {
        case VerdictKind::done:
            say(cluster::ResultsSent{job_id_, verdict.metrics});
            say(cluster::JobConcluded{job_id_});
            break;
        case VerdictKind::failed: {
            Failure failure{verdict.reason, {}};
            if (!verdict.details.empty()) {
                failure.evidence.push_back({verdict.details.front(),
                                            {verdict.details.begin() + 1, verdict.details.end()}});
            }
            say(cluster::ErrorEncountered{job_id_, error_report(failure)});
            break;
        }
        case VerdictKind::resume:
            say(cluster::ExitForResume{job_id_});
            break;
        case VerdictKind::terminated:
            break;
    }
}

}  // namespace reprise
