#include "reprise/commands/mpi_starter.hpp"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace reprise {
namespace {

using Settings = std::vector<std::string>;

/// Ranks sleep between messages; without this they would not when there are few cores.
constexpr char const* yielding = "OMPI_MCA_mpi_yield_when_idle=1";

/// Where MPICH's UCX puts its shared memory: what killed ranks leave is removed with it.
std::string const ucx_segments = "UCX_POSIX_DIR=";

/// Open MPI has hwloc look at the host, twice in mpirun and once in each rank. On one host it needs
/// no devices and no plugins (which look for X servers, say), here looked for in a folder that has
/// none: more than 50 ms of a cold start. hwloc's manual, "Environment Variables".
constexpr char const* hwloc_without_devices = "HWLOC_COMPONENTS=-linux:pci,-linux:io";
std::string const hwloc_plugins = "HWLOC_PLUGINS_PATH=";

char const* open_mpi_on_one_host(MpiFamily family) {
    return family == MpiFamily::open_mpi_5 ? "OMPI_MCA_btl=self,sm" : "OMPI_MCA_btl=self,vader";
}

}  // namespace

MpiFamily built_mpi_family() noexcept {
#if !defined(OPEN_MPI)
    return MpiFamily::hydra;
#elif OMPI_MAJOR_VERSION >= 5
    return MpiFamily::open_mpi_5;
#else
    return MpiFamily::open_mpi_4;
#endif
}

MpiStarter const& starter_of(MpiFamily family) noexcept {
    static constexpr MpiStarter open_mpi{"mpirun", "Open MPI", true, true, 1, "pmix"};
    // Seen with MPICH 4.2.1: it passes USR1 on, and dies of USR2. The name is the same with Intel
    // MPI and MVAPICH, and tells it apart from other MPI libraries' mpiexec on the same PATH.
    // MPICH knows PMIx only where it was configured for it (Debian's was not), PMI-2 always.
    static constexpr MpiStarter hydra{"mpiexec.hydra", "MPICH", false, false, 2, "pmi2"};
    return family == MpiFamily::hydra ? hydra : open_mpi;
}

bool says_killed(MpiFamily family, int exit_code) noexcept {
    // A shell's way, and Open MPI's: 128 + signal. Hydra's is the signal's number alone.
    if (exit_code > 128) return true;
    constexpr std::array deaths{SIGABRT, SIGBUS, SIGKILL, SIGSEGV, SIGTERM};
    return family == MpiFamily::hydra &&
           std::find(deaths.begin(), deaths.end(), exit_code) != deaths.end();
}

std::string advice_for_srun(MpiFamily family) {
    std::string const type = starter_of(family).srun_type;
    return "Set SLURM_MPI_TYPE=" + type + " (or give srun --mpi=" + type + ")";
}

Settings settings_on_one_host(MpiFamily family, std::string const& scratch) {
    switch (family) {
        // The resource manager is not asked (inside a Slurm step mpirun would wait for ever for a
        // step of its own), and looking for networks is left out, which halves the time of a cold
        // start.
        case MpiFamily::open_mpi_4:
            return {"OMPI_MCA_plm=isolated",
                    "OMPI_MCA_ras=^slurm",
                    "OMPI_MCA_rmaps_base_oversubscribe=1",
                    "OMPI_MCA_hwloc_base_binding_policy=none",
                    "OMPI_MCA_orte_tmpdir_base=" + scratch,
                    open_mpi_on_one_host(family),
                    "OMPI_MCA_pml=ob1",
                    "OMPI_MCA_btl_vader_backing_directory=" + scratch,
                    hwloc_without_devices,
                    hwloc_plugins + scratch,
                    yielding};
        case MpiFamily::open_mpi_5:  // PRRTE starts the ranks.
            return {"PRTE_MCA_plm=ssh",
                    "PRTE_MCA_ras=^slurm",
                    "PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe",
                    "PRTE_MCA_hwloc_default_binding_policy=none",
                    "PRTE_MCA_prte_tmpdir_base=" + scratch,
                    open_mpi_on_one_host(family),
                    "OMPI_MCA_pml=ob1",
                    "OMPI_MCA_btl_sm_backing_directory=" + scratch,
                    hwloc_without_devices,
                    hwloc_plugins + scratch,
                    yielding};
        case MpiFamily::hydra:
            // Within a Slurm job Hydra would call srun for its proxies.
            return {"HYDRA_LAUNCHER=fork",  "HYDRA_RMK=user",      "HYDRA_IFACE=lo",
                    ucx_segments + scratch, hwloc_without_devices, hwloc_plugins + scratch};
    }
    return {};
}

/// Slurm starts a daemon on each of the other nodes, the ranks go round the nodes, rank 0 on this
/// one, and Open MPI chooses between the networks that there are. The scratch directory is on this
/// node only: a rank elsewhere makes its own (rank_main.cpp).
Settings settings_between_nodes(MpiFamily family, std::string const& scratch) {
    switch (family) {
        case MpiFamily::open_mpi_4:
            return {"OMPI_MCA_rmaps_base_mapping_policy=node",
                    "OMPI_MCA_rmaps_base_oversubscribe=1",
                    "OMPI_MCA_hwloc_base_binding_policy=none",
                    "OMPI_MCA_orte_local_tmpdir_base=" + scratch, yielding};
        case MpiFamily::open_mpi_5:
            return {"PRTE_MCA_rmaps_default_mapping_policy=node:oversubscribe",
                    "PRTE_MCA_hwloc_default_binding_policy=none",
                    "PRTE_MCA_prte_local_tmpdir_base=" + scratch, yielding};
        case MpiFamily::hydra:
            return {};
    }
    return {};
}

Settings settings_in_step(MpiFamily family, bool one_host, std::string const& scratch) {
    if (family == MpiFamily::hydra) return {ucx_segments + scratch};
    // Segments of ranks that were killed go with the scratch directory.
    Settings settings{"OMPI_MCA_btl_vader_backing_directory=" + scratch,
                      "OMPI_MCA_btl_sm_backing_directory=" + scratch, yielding};
    // Between hosts Open MPI knows better.
    if (one_host) {
        settings.emplace_back(open_mpi_on_one_host(family));
        settings.emplace_back("OMPI_MCA_pml=ob1");
    }
    return settings;
}

bool is_for_mpi_alone(std::string const& variable, std::string const& scratch) {
    return variable == hwloc_without_devices || variable == hwloc_plugins + scratch ||
           variable == ucx_segments + scratch;
}

}  // namespace reprise
