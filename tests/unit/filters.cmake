easgate_test(filters_test
             SOURCES filters/autodiscover_filter_test.cpp filters/autodiscover/request_test.cpp
                     filters/bearer_test.cpp filters/chain_test.cpp filters/claims_test.cpp filters/binding_filter_test.cpp
                     filters/device_filter_test.cpp filters/ews_filter_test.cpp
                     filters/ews/soap_test.cpp filters/look_up_test.cpp filters/names_test.cpp
                     filters/ntlm_test.cpp filters/rules_test.cpp filters/secure_email_filter_test.cpp
                     filters/traveler/request_test.cpp filters/user_agent_filter_test.cpp filters/user_filter_test.cpp
                     filters/status_answer_test.cpp filters/verdict_test.cpp filters/version_filter_test.cpp filters/eas/command_test.cpp
                     filters/eas/document_lookup_test.cpp
                     filters/eas/request_test.cpp filters/eas/request_vectors_test.cpp
                     filters/eas/root_test.cpp filters/eas/status_document_test.cpp
                     filters/eas/tokens_test.cpp filters/eas/versions_test.cpp filters/eas/waiting_sync_test.cpp
                     filters/eas/wbxml_reader_test.cpp
             DEPS easgate_filters)
