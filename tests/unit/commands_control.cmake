easgate_test(commands_test
             SOURCES commands/control_test.cpp commands/preview_test.cpp commands/request_text_test.cpp
             DEPS easgate_commands)
