easgate_fuzzer(fuzz_config DEPS easgate_config)
