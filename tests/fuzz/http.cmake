easgate_fuzzer(fuzz_request_head DEPS easgate_http)
easgate_fuzzer(fuzz_response_head DEPS easgate_http)
easgate_fuzzer(fuzz_chunked DEPS easgate_http)
easgate_fuzzer(fuzz_target DEPS easgate_http)
