// Properties: any way of cutting a request gives the same answer; what is repeated of it can't open
// or close an element; a query that passes holds one address and no other '@'.

#include <algorithm>
#include <string>

#include "filters/autodiscover/answer.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace eg::filters;
using namespace eg::filters::autodiscover;

std::string answer(std::string_view body, std::size_t piece) {
    RequestReader reader;
    for (std::size_t at = 0; at < body.size(); at += piece) {
        if (reader.feed(body.substr(at, piece)) != Reason::none) {
            return "too long";
        }
    }
    EG_CHECK(reader.finish() == Reason::none);
    return answer_xml(reader.asked(), reader.address(), "https://m").body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = eg::fuzz::as_text(data, size);
    const std::string whole = answer(input, std::max<std::size_t>(size, 1));
    EG_CHECK(answer(input, 1) == whole);
    EG_CHECK(answer(input, 13) == whole);
    const auto marks = std::ranges::count(whole, '<');
    EG_CHECK(whole == "too long" || marks == std::ranges::count(whole, '>'));
    EG_CHECK(whole == "too long" || marks == 23 || marks == 12);
    if (const auto query = read_query(input)) {
        EG_CHECK(query->email.empty() || is_address(query->email));
        EG_CHECK(query->protocol.find('@') == std::string::npos);
    }
    if (!may_hold_at_sign(input)) {
        EG_CHECK(input.find('@') == std::string_view::npos);
    }
    return 0;
}
