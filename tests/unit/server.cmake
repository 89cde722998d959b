easgate_test(server_test
             SOURCES server/address_count_test.cpp
             DEPS easgate_server)
