# What the user pages say, tried with the real program.
foreach(name IN ITEMS errors_doc examples)
    reprise_add_system_test(${name}_test)
endforeach()
