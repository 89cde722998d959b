easgate_test(device_test
             SOURCES device/binding_test.cpp device/feed_document_test.cpp device/file_test.cpp device/record_test.cpp
                     device/sighting_test.cpp device/table_test.cpp
             DEPS easgate_device)

# The feed without the rest of the gate: it needs neither workers nor TLS servers to be tested.
set(gate ${CMAKE_SOURCE_DIR}/proxy/gate)
easgate_library(easgate_feed
                SOURCES ${gate}/device_feed.cpp ${gate}/feed_clock.cpp ${gate}/feed_http.cpp
                        ${gate}/feed_report.cpp ${gate}/feed_states.cpp
                        ${gate}/feed_store.cpp
                DEPS easgate_base easgate_device easgate_log CURL::libcurl PkgConfig::JANSSON
                     Threads::Threads)
easgate_test(device_feed_test
             SOURCES gate/device_feed_life_test.cpp gate/device_feed_test.cpp
                     gate/feed_report_test.cpp gate/feed_store_test.cpp
             DEPS easgate_feed)
