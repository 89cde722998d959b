if(TARGET easgate_phone)
    easgate_test(phone_test
                 SOURCES commands/phone_documents_test.cpp commands/phone_test.cpp commands/phone_wbxml_test.cpp
                 DEPS easgate_phone)
endif()
