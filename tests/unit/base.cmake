easgate_test(base_test
             SOURCES base/check_test.cpp base/decimal_test.cpp base/error_test.cpp base/host_name_test.cpp base/ip_test.cpp base/keyed_mix_test.cpp base/secret_test.cpp
                     base/small_text_test.cpp
                     base/text_base64_test.cpp base/text_test.cpp base/units_test.cpp
                     base/words_test.cpp
             DEPS easgate_base)
