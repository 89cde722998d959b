easgate_fuzzer(fuzz_bindings DEPS easgate_device)
easgate_fuzzer(fuzz_feed DEPS easgate_device)
easgate_fuzzer(fuzz_state_file DEPS easgate_device)
