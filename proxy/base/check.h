/// The only macro of the program: what can't happen ends the process, in release builds too.
#pragma once

namespace eg {

/// Prints the broken expectation with its place on standard error and aborts.
[[noreturn]] void check_failed(const char* expression, const char* file, int line);

}  // namespace eg

#define EG_CHECK(condition)                                     \
    do {                                                        \
        if (!(condition)) [[unlikely]] {                        \
            ::eg::check_failed(#condition, __FILE__, __LINE__); \
        }                                                       \
    } while (false)
