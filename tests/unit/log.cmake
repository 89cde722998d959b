easgate_test(log_test
             SOURCES log/access_test.cpp log/escape_test.cpp log/log_test.cpp log/rate_limit_test.cpp
                     log/stamp_test.cpp
             DEPS easgate_log)
