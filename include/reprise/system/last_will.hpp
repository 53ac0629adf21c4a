/// @file The datagram that cluster_utils gets when nobody is left to say what became of the job: a
/// file in the job's scratch directory, which the directory's guardian sends once everybody else is
/// gone. Whoever has the right to the last word takes the file away first: unlink(2) succeeds once.
///
/// One line for each address of the server, to be tried in order: the sockaddr, a space, the
/// datagram, both in lower-case hexadecimal.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace reprise {

/// Its name in the directory. (Text constant: the static helper shares it.)
inline constexpr char last_will_name[] = "last-will";
/// Another file there: a line with the directory in which the job makes cgroups of runs. The
/// guardian removes those that nobody holds.
inline constexpr char cgroups_note_name[] = "cgroups";
inline constexpr char run_cgroup_prefix[] = "reprise.run.";
/// What every process of a job has in its environment; the value is the name of the directory.
inline constexpr char job_mark_name[] = "REPRISE_JOB";

/// Throws Error when the file cannot be written or the server has no address.
void write_last_will(std::string const& directory, std::string const& host, int port,
                     std::span<std::byte const> datagram);

/// Takes it away. True for the one who did: nobody else will speak.
bool claim_last_will(std::string const& directory) noexcept;

}  // namespace reprise
