# What Python users see of a results file. Needs h5py (Debian: python3-h5py).
set(REPRISE_H5PY_PYTHON "/usr/bin/python3" CACHE FILEPATH "A Python that has h5py")
execute_process(COMMAND "${REPRISE_H5PY_PYTHON}" -c "import h5py" RESULT_VARIABLE no_h5py
                OUTPUT_QUIET ERROR_QUIET)
if(no_h5py)
    message(FATAL_ERROR "${REPRISE_H5PY_PYTHON} has no h5py. Install python3-h5py, or set "
                        "REPRISE_H5PY_PYTHON.")
endif()
add_test(NAME results_file_h5py
         COMMAND "${REPRISE_H5PY_PYTHON}" "${CMAKE_CURRENT_LIST_DIR}/read_results_h5py.py"
                 "${PROJECT_SOURCE_DIR}" $<TARGET_FILE:make_results_fixture>)
set_tests_properties(results_file_h5py PROPERTIES LABELS system TIMEOUT 60)
