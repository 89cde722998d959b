easgate_test(mdm_store_test
             SOURCES mdm/store/database_test.cpp mdm/store/devices_test.cpp
                     mdm/store/feed_snapshot_test.cpp mdm/store/instances_test.cpp
                     mdm/store/migrations_test.cpp mdm/store/observations_test.cpp
             DEPS easgate_mdm)
easgate_test(mdm_api_test
             SOURCES mdm/api/cursor_test.cpp mdm/api/feed_document_test.cpp
                     mdm/api/feed_question_test.cpp mdm/api/gateway_api_test.cpp
                     mdm/api/gzip_body_test.cpp mdm/api/report_lines_test.cpp
             DEPS easgate_mdm)
easgate_test(mdm_commands_test
             SOURCES mdm/commands/csv_test.cpp mdm/commands/device_csv_test.cpp
                     mdm/commands/table_test.cpp mdm/config_test.cpp
             DEPS easgate_mdm)

if(EASGATE_SANITIZE MATCHES undefined)
    # As in mdm/: SOCI hides the type information that this check wants.
    get_target_property(mdm_store_sources mdm_store_test SOURCES)
    set_source_files_properties(${mdm_store_sources} PROPERTIES COMPILE_OPTIONS -fno-sanitize=vptr)
endif()
