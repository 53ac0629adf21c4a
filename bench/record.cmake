# What a durable record costs: see bench/record.cpp.
add_executable(reprise_bench_record "${CMAKE_CURRENT_LIST_DIR}/record.cpp")
target_link_libraries(reprise_bench_record PRIVATE reprise_build_settings reprise_results)
