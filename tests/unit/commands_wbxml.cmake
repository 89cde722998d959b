easgate_test(commands_wbxml_test
             SOURCES commands/wbxml_text_test.cpp
             DEPS easgate_wbxml)
