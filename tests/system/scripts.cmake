# The scripts that others start: cluster_utils the wrapper, Slurm the batch script. With fake
# programs in every place where they look.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
foreach(name IN ITEMS run_mpi_test batch_script_test)
    add_test(NAME ${name} COMMAND "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_LIST_DIR}/${name}.py")
    set_tests_properties(${name} PROPERTIES LABELS system TIMEOUT 120)
endforeach()

reprise_add_system_test(install_test TIMEOUT 120)
set_property(TEST install_test APPEND PROPERTY ENVIRONMENT
    "CMAKE=${CMAKE_COMMAND}" "REPRISE_BUILD=${PROJECT_BINARY_DIR}")
