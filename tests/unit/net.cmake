easgate_test(net_test
             SOURCES net/buffer_test.cpp net/connector_test.cpp net/loop_test.cpp
                     net/outbox_test.cpp net/resolver_test.cpp net/socket_test.cpp net/ticket_keys_test.cpp
                     net/tls_memory_test.cpp
             DEPS easgate_net)
