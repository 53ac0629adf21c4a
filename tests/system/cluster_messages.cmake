# Our datagrams at the real communication server of cluster_utils. Needs a virtual environment with
# cluster-utils[runner] 3.0.0; without one the test fails, it does not skip itself.
set(REPRISE_VENV_PYTHON "${PROJECT_SOURCE_DIR}/.venv/bin/python" CACHE FILEPATH
    "Python of the virtual environment that has cluster_utils")
add_test(NAME cluster_utils_server_check
         COMMAND "${REPRISE_VENV_PYTHON}" "${CMAKE_CURRENT_LIST_DIR}/cluster_utils_server_check.py"
                 $<TARGET_FILE:send_messages>)
set_tests_properties(cluster_utils_server_check PROPERTIES LABELS system TIMEOUT 120)
