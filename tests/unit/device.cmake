easgate_test(device_test
             SOURCES device/feed_document_test.cpp device/file_test.cpp device/record_test.cpp device/sighting_test.cpp
                     device/table_test.cpp
             DEPS easgate_device)
