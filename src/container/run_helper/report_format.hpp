/// @file What the helper and its rank tell each other through one descriptor: a stream socket,
/// which every container runtime hands on, where numbers of processes and signals end at a PID
/// namespace. (By hand a pipe that the helper writes to will do.)
///
/// From the rank: 'T' asks to stop in order; a second one, 'K' or the end of the connection kill.
///
/// To the rank:
///
/// Text, one line for each fact, in the order in which they happen, fields separated by one space:
///
///   reprise-run 1                     name and version of this format; always first
///   started ROLE PID                  ROLE: backend, learner or stop; PID as the helper sees it
///   failed ROLE ERRNO PROGRAM         it could not be started; PROGRAM is the rest of the line
///   exited ROLE CODE CPU PEAK         it ended by itself; CODE 0 to 255
///   killed ROLE SIGNAL CORE CPU PEAK  a signal ended it; CORE 1: with a core dump, else 0
///   end REASON CPU PEAK LEFT          always last: nothing of the attempt runs any more, but for
///                                     LEFT processes that even SIGKILL did not end
///
/// CPU: user + system time in microseconds, PEAK: largest resident set in KiB; in `end` those of
/// all processes of the attempt. REASON: learner_ended, backend_died, not_started, stopped, killed.
/// A report without `end` is that of a helper that was killed.
///
/// Example, a training as it should be:
///
///   reprise-run 1
///   started backend 71
///   started learner 72
///   exited learner 0 9120344 215040
///   started stop 90
///   exited stop 0 12003 9216
///   exited backend 0 803220 40960
///   end learner_ended 9935567 215040 0
#pragma once

namespace reprise::run_helper {

inline constexpr char report_header[] = "reprise-run 1";
inline constexpr char stop_order = 'T';
inline constexpr char kill_order = 'K';
/// Longest line, with its newline, in bytes.
inline constexpr unsigned max_report_line = 4096;

}  // namespace reprise::run_helper
