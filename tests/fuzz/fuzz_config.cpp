// Any text is read without harm; problems point into the text and can be rendered; and what is read
// without an error prints as a configuration that reads back as the same one.
#include <algorithm>
#include <string>

#include "proxy/config/print.h"
#include "proxy/config/read.h"
#include "proxy/config/section.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace eg::config;
    const auto read = read_text(eg::fuzz::as_text(data, size), "/etc/easgate/easgate.yaml");
    EG_CHECK(read.problems.size() <= kMaxProblems + 1);
    const auto lines = 2 + std::count(read.source.begin(), read.source.end(), '\n');
    for (const Problem& problem : read.problems) {
        EG_CHECK(problem.line >= 0 && problem.line <= lines);
        EG_CHECK(!problem.message.empty());
    }
    EG_CHECK(render(read.problems, read.source).empty() == read.problems.empty());
    if (has_errors(read.problems)) {
        return 0;
    }
    const std::string printed = print(read.config);
    const auto again = read_text(printed, "/etc/easgate/easgate.yaml");
    EG_CHECK(!has_errors(again.problems));
    EG_CHECK(print(again.config) == printed);
    return 0;
}
