# The project's three kinds of target, each with the same warnings, sanitizers and header checks.

# Settings that every target of the project shares.
add_library(reprise_build_settings INTERFACE)
target_compile_features(reprise_build_settings INTERFACE cxx_std_20)
target_compile_options(reprise_build_settings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
    -Wimplicit-fallthrough)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # False alarms of GCC 12: uninitialized members in moves of std::variant and std::optional, and
    # overlaps in std::string's operator+ at -O3. The sanitizer builds find the real ones.
    target_compile_options(reprise_build_settings INTERFACE -Wno-maybe-uninitialized -Wno-restrict)
endif()
if(REPRISE_WARNINGS_AS_ERRORS)
    target_compile_options(reprise_build_settings INTERFACE -Werror)
endif()
if(REPRISE_SANITIZE)
    target_compile_options(reprise_build_settings INTERFACE
        -fsanitize=${REPRISE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(reprise_build_settings INTERFACE -fsanitize=${REPRISE_SANITIZE})
endif()

# reprise_add_library(NAME [DEPENDS target...])
# A layer. Its sources and headers are added by the folders that belong to it, with
# reprise_add_sources; what it does not name under DEPENDS it cannot link.
function(reprise_add_library name)
    cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
    add_library(${name} STATIC)
    target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}/include")
    target_link_libraries(${name} PUBLIC ${ARG_DEPENDS}
                          PRIVATE $<BUILD_INTERFACE:reprise_build_settings>)
    set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
    target_compile_features(${name} PUBLIC cxx_std_20)
endfunction()

# reprise_add_sources(LIBRARY FOLDER folder SOURCES file... HEADERS file...)
# SOURCES are relative to src/FOLDER, HEADERS to include/reprise/FOLDER.
function(reprise_add_sources library)
    cmake_parse_arguments(ARG "" "FOLDER" "SOURCES;HEADERS" ${ARGN})
    list(TRANSFORM ARG_SOURCES PREPEND "${PROJECT_SOURCE_DIR}/src/${ARG_FOLDER}/")
    list(TRANSFORM ARG_HEADERS PREPEND "${PROJECT_SOURCE_DIR}/include/reprise/${ARG_FOLDER}/")
    target_sources(${library} PRIVATE ${ARG_SOURCES})
    target_sources(${library} PUBLIC FILE_SET HEADERS
                   BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${ARG_HEADERS})
endfunction()

# reprise_add_test(NAME SOURCES file... [LIBRARIES target...] LABEL unit|sim|mpi|system
#                  [TIMEOUT s] [RANKS n...])
# One GoogleTest program. With RANKS it runs once under mpirun for each number of ranks.
function(reprise_add_test name)
    cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;LIBRARIES;RANKS" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 60)
    endif()
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
    target_compile_definitions(${name} PRIVATE
        REPRISE_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
        REPRISE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    target_link_libraries(${name} PRIVATE reprise_build_settings ${ARG_LIBRARIES})
    set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)  # each file has its own names
    if(REPRISE_SANITIZE AND ARG_LABEL STREQUAL "unit")
        target_compile_options(${name} PRIVATE -O0)  # half of the compiler's time
    endif()
    set(properties TIMEOUT ${ARG_TIMEOUT} LABELS ${ARG_LABEL})
    if(ARG_RANKS)
        target_link_libraries(${name} PRIVATE GTest::gtest)
        foreach(ranks IN LISTS ARG_RANKS)
            add_test(NAME ${name}_${ranks}_ranks
                     COMMAND "${MPIEXEC_EXECUTABLE}" -n ${ranks} $<TARGET_FILE:${name}>)
            set_tests_properties(${name}_${ranks}_ranks PROPERTIES ${properties} PROCESSORS 2)
            set_property(TEST ${name}_${ranks}_ranks PROPERTY ENVIRONMENT
                OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
                OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl=self,vader OMPI_MCA_pml=ob1
                PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe)  # Open MPI 5
        endforeach()
    else()
        target_link_libraries(${name} PRIVATE GTest::gtest_main)
        add_test(NAME ${name} COMMAND ${name})
        set_tests_properties(${name} PROPERTIES ${properties})
    endif()
endfunction()
