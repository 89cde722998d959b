easgate_test(net_test
             SOURCES net/buffer_test.cpp net/connector_test.cpp net/hkdf_test.cpp net/loop_test.cpp
                     net/outbox_test.cpp net/record_protection_test.cpp net/resolver_test.cpp
                     net/socket_test.cpp net/ticket_keys_test.cpp
                     net/tls_memory_test.cpp net/tls_records_limits_test.cpp
                     net/tls_records_sealing_test.cpp net/tls_records_test.cpp net/traffic_secrets_test.cpp certs/maker.cpp
             DEPS easgate_net easgate_certs)
