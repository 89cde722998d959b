# Style is a test: sizes, include graph, words, headers that compile alone.
add_test(NAME tidy COMMAND ${CMAKE_SOURCE_DIR}/scripts/tidy.py
         --cache ${CMAKE_BINARY_DIR}/tidy-headers.json)
set_tests_properties(tidy PROPERTIES LABELS tidy)
