# Tests in the newer Debian (scripts/newer_debian): newer compiler and libraries, Open MPI 5, MPICH,
# and HTCondor. The program is built there first, once with each MPI.
set(newer_debian "${PROJECT_SOURCE_DIR}/scripts/newer_debian")
set(newer_build "${PROJECT_BINARY_DIR}/newer_debian")

add_test(NAME newer_debian_build
         COMMAND "${CMAKE_CURRENT_LIST_DIR}/build_in_newer_debian" "${newer_build}")
set_tests_properties(newer_debian_build PROPERTIES
    LABELS clusters TIMEOUT 1200 PROCESSORS 2 FIXTURES_SETUP newer_debian_build)

# reprise_add_newer_test(NAME [TIMEOUT s] COMMAND word...)
# A command in the newer Debian.
function(reprise_add_newer_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "COMMAND" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 300)
    endif()
    add_test(NAME ${name} COMMAND "${newer_debian}" run ${ARG_COMMAND})
    set_tests_properties(${name} PROPERTIES LABELS clusters TIMEOUT ${ARG_TIMEOUT}
        FIXTURES_REQUIRED newer_debian_build
        ENVIRONMENT "NEWER_DEBIAN_SHARES=${newer_build};PYTHONDONTWRITEBYTECODE=1")
endfunction()

# Test files of tests/system, with the program as it was built there with this MPI.
function(reprise_add_newer_system_tests mpi)
    foreach(name IN LISTS ARGN)
        reprise_add_newer_test(${mpi}_${name}_test COMMAND
            env "REPRISE_BIN=${newer_build}/${mpi}/bin/reprise"
            /usr/bin/python3 "${PROJECT_SOURCE_DIR}/tests/system/${name}_test.py")
    endforeach()
endfunction()

foreach(mpi IN ITEMS openmpi mpich)
    reprise_add_newer_test(${mpi}_mailbox_tests TIMEOUT 120 COMMAND
        ctest --test-dir "${newer_build}/${mpi}" -L mpi --no-tests=error --output-on-failure)
endforeach()
reprise_add_newer_system_tests(openmpi ranks restarts failures kills signals)
reprise_add_newer_system_tests(mpich ranks signals kills)

# The newer Slurm, with Open MPI 5, which fails now and then while it connects emulated nodes (they
# have one network address): so these are the tests on one node.
function(reprise_add_newer_slurm_tests file class)
    list(TRANSFORM ARGN PREPEND "${class}.test_")
    reprise_add_newer_test(newer_${file}_test COMMAND
        env "REPRISE_BIN=${newer_build}/openmpi/bin/reprise"
        /usr/bin/python3 "${CMAKE_CURRENT_LIST_DIR}/${file}_test.py" ${ARGN})
endfunction()
reprise_add_newer_slurm_tests(slurm_batch BatchScripts
    a_job_restarts_itself_until_all_is_trained a_job_that_is_requeued_goes_on
    a_cancelled_job_stays_cancelled_and_its_state_is_saved)
reprise_add_newer_slurm_tests(launch_modes LaunchModesTest
    ranks_on_one_node a_rank_is_lost the_launcher_of_task_0_is_lost a_job_that_fails_for_good
    srun_without_pmix_is_an_error_that_says_what_to_write
    slurm_mpi_type_and_fewer_tasks_than_learning_runs)

# On HTCondor, with the program as it was built there. The tests themselves run out here, because
# cluster_utils knows no Python as new as the one in there.
foreach(name IN ITEMS condor_cluster condor_submit condor_search)
    reprise_add_cluster_test(${name}_test)
    set_tests_properties(${name}_test PROPERTIES FIXTURES_REQUIRED newer_debian_build
        ENVIRONMENT "REPRISE_BIN=${newer_build}/openmpi/bin/reprise")
endforeach()
