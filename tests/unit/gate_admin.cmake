easgate_test(gate_admin_test
             SOURCES gate/admin_test.cpp gate/metrics_test.cpp gate/node_status_test.cpp
             DEPS easgate_gate PkgConfig::JANSSON)
target_compile_definitions(gate_admin_test PRIVATE EASGATE_PROJECT_VERSION="${PROJECT_VERSION}")
