# The wrapper that cluster_utils starts, with fake programs in every place where it looks.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME run_mpi_test COMMAND "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_LIST_DIR}/run_mpi_test.py")
set_tests_properties(run_mpi_test PROPERTIES LABELS system TIMEOUT 120)
