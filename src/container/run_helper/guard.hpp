/// @file The helper as guardian of a scratch directory: it does what is left to do when those who
/// should have done it were killed.
///
/// reprise-run-helper --guard PATH
/// reprise-run-helper --guard-too PATH    a second one, in case the first one is killed as well;
///                                        slurm/cluster_utils/srun starts one after all were killed
///
///   standard input: a pipe whose other end the owner holds (or nothing: the owner is gone)
///   standard output: gets one int, the errno of making or locking the directory PATH, 0 for
///   success
///
///   0. makes the directory, if it is the first one, and holds a lock on it, so that nobody takes
///      it for an abandoned one
///   1. sleeps until the owner is gone (the end of its input). An owner that leaves in order has
///      removed the directory by then and kills its guardian, so nothing below happens.
///   2. waits until nobody holds a lock on the directory any more (flock(2), shared ones: the ranks
///      of a launcher, who save what they have), but not longer than 1.7 s: nothing may be left 2 s
///      after a kill
///   3. kills every process that has REPRISE_JOB=<last part of PATH> in its environment
///   4. removes the cgroups of runs that nobody holds, where the file cgroups_note_name in the
///      directory says, and the directory
///      (steps 3 and 4 one guardian after the other: each has the lock for itself)
///   5. sends the last will that lay in it (last_will_name), if nobody has taken it away
///
/// Signals that can be ignored are. It runs in a session of its own, which the caller sees to.
#pragma once

namespace reprise::run_helper {

/// Expects argv[1] to be "--guard" or "--guard-too". Returns the exit code: 2 for a wrong command
/// line, 1 when the directory could not be made or locked, else 0.
int guard(int argc, char** argv);

}  // namespace reprise::run_helper
