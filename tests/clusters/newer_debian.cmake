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

# reprise_add_newer_system_test(MPI NAME [CLASS test...])
# The test file NAME of tests/system, or these tests of it, with the program as it was built there
# with this MPI.
function(reprise_add_newer_system_test mpi name)
    set(tests "")
    if(ARGN)
        list(POP_FRONT ARGN class)
        list(TRANSFORM ARGN PREPEND "${class}.test_" OUTPUT_VARIABLE tests)
    endif()
    reprise_add_newer_test(${mpi}_${name}_test COMMAND
        env "REPRISE_BIN=${newer_build}/${mpi}/bin/reprise"
        /usr/bin/python3 "${PROJECT_SOURCE_DIR}/tests/system/${name}_test.py" ${tests})
endfunction()

foreach(mpi IN ITEMS openmpi mpich)
    reprise_add_newer_test(${mpi}_mailbox_tests TIMEOUT 120 COMMAND
        ctest --test-dir "${newer_build}/${mpi}" -L mpi --no-tests=error --output-on-failure)
endforeach()
# Whole files where much depends on the starter of the ranks; of the others what an MPI library,
# HDF5 or a signal's way through a starter can change.
foreach(mpi IN ITEMS openmpi mpich)
    reprise_add_newer_system_test(${mpi} kills)
    reprise_add_newer_system_test(${mpi} signals SignalsTest
        term term_to_the_whole_group int_to_the_whole_group_as_a_terminal_does
        term_to_every_process_as_batch_systems_do term_with_an_mpirun_that_hangs usr1
        term_while_starting_up usr1_while_starting_up signals_at_the_very_end)
    reprise_add_newer_system_test(${mpi} ranks)
endforeach()
reprise_add_newer_system_test(openmpi failures)
reprise_add_newer_system_test(openmpi restarts RestartsTest
    two_iterations_take_two_starts_on_any_ranks limits_and_ranks_may_change_between_starts
    a_failure_does_not_hold_up_the_next_iteration_of_its_run
    a_damaged_results_file_is_an_error_by_name_and_stays_as_it_is
    run_directories_of_a_lost_results_file_are_left_alone)

# An mpirun, or MPICH's mpiexec, around the job.
function(reprise_add_newer_outer_tests mpi starter)
    list(TRANSFORM ARGN PREPEND OuterLauncherTest.test_)
    reprise_add_newer_test(${mpi}_outer_launcher_test COMMAND
        env "REPRISE_BIN=${newer_build}/${mpi}/bin/reprise" "OUTER_MPIRUN=${starter}"
        /usr/bin/python3 "${PROJECT_SOURCE_DIR}/tests/system/outer_launcher_test.py" ${ARGN})
endfunction()
foreach(starter IN ITEMS "openmpi|mpirun --oversubscribe" "mpich|mpiexec.hydra")
    string(REPLACE "|" ";" starter "${starter}")
    reprise_add_newer_outer_tests(${starter} all_leave_with_3_for_the_next_iteration
        a_rank_is_lost the_launcher_of_another_task_is_lost the_outer_mpirun_is_lost
        usr1_stops_in_order a_job_that_fails_for_good_ends_with_1_and_one_error)
endforeach()

# reprise_add_newer_slurm_tests(NAME MPI FILE CLASS [ENV variable...] TESTS name...)
# On the newer Slurm, with tests of a class of FILE_test.py here.
function(reprise_add_newer_slurm_tests name mpi file class)
    cmake_parse_arguments(ARG "" "" "ENV;TESTS" ${ARGN})
    list(TRANSFORM ARG_TESTS PREPEND "${class}.test_")
    reprise_add_newer_test(${name}_test COMMAND
        env "REPRISE_BIN=${newer_build}/${mpi}/bin/reprise" ${ARG_ENV}
        /usr/bin/python3 "${CMAKE_CURRENT_LIST_DIR}/${file}_test.py" ${ARG_TESTS})
endfunction()
reprise_add_newer_slurm_tests(newer_slurm_batch openmpi slurm_batch BatchScripts TESTS
    a_job_restarts_itself_until_all_is_trained a_job_that_is_requeued_goes_on
    a_cancelled_job_stays_cancelled_and_its_state_is_saved)
reprise_add_newer_slurm_tests(newer_launch_modes openmpi launch_modes LaunchModesTest
    TESTS
    ranks_on_one_node a_rank_is_lost the_launcher_of_task_0_is_lost a_job_that_fails_for_good
    srun_without_pmix_is_an_error_that_says_what_to_write
    slurm_mpi_type_and_fewer_tasks_than_learning_runs
    ranks_on_three_nodes_and_two_starts a_rank_on_another_node_is_lost
    the_batch_script_for_several_nodes mpirun_loses_a_rank_on_another_node)
reprise_add_newer_slurm_tests(mpich_launch_modes mpich launch_modes LaunchModesTest
    ENV SRUN_MPI=pmi2 TESTS
    ranks_on_one_node ranks_on_three_nodes_and_two_starts a_rank_on_another_node_is_lost
    the_launcher_of_another_task_is_lost usr1_stops_in_order
    srun_without_pmix_is_an_error_that_says_what_to_write
    slurm_mpi_type_and_fewer_tasks_than_learning_runs)

# On HTCondor, with the program as it was built there. The tests themselves run out here, because
# cluster_utils knows no Python as new as the one in there.
foreach(name IN ITEMS condor_cluster condor_submit condor_search)
    reprise_add_cluster_test(${name}_test)
    set_tests_properties(${name}_test PROPERTIES FIXTURES_REQUIRED newer_debian_build
        ENVIRONMENT "REPRISE_BIN=${newer_build}/openmpi/bin/reprise")
endforeach()
