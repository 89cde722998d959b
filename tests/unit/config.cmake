easgate_test(config_test
             SOURCES config/conf_files_test.cpp config/read_test.cpp
             DEPS easgate_config PkgConfig::JANSSON)
easgate_test(golden_config_test SOURCES ../golden/config_test.cpp DEPS easgate_config)
