if(TARGET easgate_commands)
    easgate_test(check_test
                 SOURCES certs/maker.cpp commands/check_test.cpp
                 DEPS easgate_commands)
endif()
