#include "proxy/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace eg {

void check_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "easgate: internal error at %s:%d: %s\n", file, line, expression);
    std::abort();
}

}  // namespace eg
