/// @file Writes the report (report_format.hpp).
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

namespace reprise::run_helper {

/// Writes whole lines; a reader that has gone is no error here (the supervisor polls for it).
class Reporter {
  public:
    /// The descriptor stays with the caller. Writes the header line.
    explicit Reporter(int fd);

    void started(char const* role, pid_t pid) const;
    void failed(char const* role, int error, char const* program) const;
    /// `status` as wait4(2) gives it.
    void ended(char const* role, int status, rusage const& usage) const;
    void end(char const* reason, rusage const& total, int left) const;

  private:
    /// `formatted`: what snprintf returned for the text.
    void write_line(char* text, int formatted) const;

    int fd_;
};

}  // namespace reprise::run_helper
