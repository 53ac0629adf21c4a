/// @file How the runs of a job are contained: what rank 0 tells every rank.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace reprise {

/// Numbers go into messages between ranks, not into files.
enum class Runtime : std::uint8_t {
    none = 0,        ///< the host as it is
    bubblewrap = 1,  ///< the host's file system; private /tmp, /dev/shm and process numbers
    apptainer = 2,   ///< an image; the same private places
};

struct ContainerSetup {
    Runtime runtime = Runtime::none;
    std::string executable;         ///< of the runtime, absolute; empty for none
    std::string image;              ///< absolute path of a SIF file or a directory; empty: no image
    bool use_run = true;            ///< the image's runscript starts the commands, else exec
    std::vector<std::string> args;  ///< further ones for the runtime
    std::int64_t tmp_size_mb = 0;   ///< of /tmp and of /dev/shm, each, in MiB; 0: as tmpfs decides
    /// bubblewrap, where it gives an image runtime its private places; empty: directories in the
    /// rank's scratch, whose size nobody limits.
    std::string mounter;

    friend bool operator==(ContainerSetup const&, ContainerSetup const&) = default;
};

}  // namespace reprise
