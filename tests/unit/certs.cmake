easgate_test(certs_test
             SOURCES certs/identity_test.cpp certs/maker.cpp
             DEPS easgate_certs)
