easgate_test(device_test
             SOURCES device/sighting_test.cpp device/table_test.cpp
             DEPS easgate_device)
