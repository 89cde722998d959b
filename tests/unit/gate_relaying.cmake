easgate_test(gate_relaying_test
             SOURCES gate/cut_offs_test.cpp gate/head_edit_test.cpp gate/held_test.cpp gate/instance_test.cpp gate/bindings_test.cpp
                     gate/learned_agents_test.cpp gate/lockout_shield_test.cpp gate/rate_table_test.cpp gate/redirect_test.cpp gate/relay_test.cpp
                     gate/upstream_trouble_test.cpp certs/maker.cpp
             DEPS easgate_gate)
