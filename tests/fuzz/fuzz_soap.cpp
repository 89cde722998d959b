// Properties: any way of cutting a body gives the same verdict; what passes holds a listed host, no
// DOCTYPE and no comment, and is at most 64 KiB; one byte more behind it doesn't pass.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "filters/ews/soap.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using eg::filters::Reason;

Reason judge(std::string_view body, std::size_t piece) {
    static const std::vector<std::string> kHosts{"push.example.com"};
    eg::filters::ews::SoapJudge judge(kHosts);
    for (std::size_t at = 0; at < body.size(); at += piece) {
        if (const Reason reason = judge.feed(body.substr(at, piece)); reason != Reason::none) {
            return reason;
        }
    }
    return judge.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body = eg::fuzz::as_text(data, size);
    const Reason whole = judge(body, std::max<std::size_t>(size, 1));
    EG_CHECK((judge(body, 1) == Reason::none) == (whole == Reason::none));
    EG_CHECK((judge(body, 13) == Reason::none) == (whole == Reason::none));
    if (whole == Reason::none) {
        EG_CHECK(body.size() <= eg::filters::ews::kMostBodyBytes);
        EG_CHECK(body.find("<!") == std::string_view::npos ||
                 body.find("<![CDATA[") != std::string_view::npos);
        EG_CHECK(body.find("Subscribe") != std::string_view::npos);
        EG_CHECK(judge(std::string(body) + "x", size + 1) != Reason::none);
    }
    return 0;
}
