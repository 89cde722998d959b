easgate_test(http_test
             SOURCES http/authority_test.cpp http/chars_test.cpp http/framing_chunked_test.cpp
                     http/framing_test.cpp http/head_test.cpp http/parse_limits_test.cpp
                     http/parse_request_fields_test.cpp http/parse_request_target_test.cpp
                     http/parse_request_test.cpp http/parse_response_test.cpp http/status_test.cpp
                     http/target_test.cpp http/write_test.cpp
             DEPS easgate_http)
