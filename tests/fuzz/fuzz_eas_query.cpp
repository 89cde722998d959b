// Properties: what is read has no control bytes; every spelling of a base64 query says the same; a
// query that is said twice is refused.

#include <string>

#include "filters/eas/query.h"
#include "filters/eas/request.h"
#include "proxy/base/text.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace eg;
using filters::eas::EasRequest;

Result<EasRequest> parse(std::string_view query) {
    http::RequestHead head;
    head.method = http::Method::post;
    head.has_query = true;
    head.query = query;
    return filters::eas::parse_request(head);
}

bool same(const EasRequest& a, const EasRequest& b) {
    return a.command == b.command && a.unknown_command == b.unknown_command &&
           a.base64_form == b.base64_form && a.protocol_version == b.protocol_version &&
           a.device_id == b.device_id && a.device_type == b.device_type && a.user == b.user &&
           a.has_policy_key == b.has_policy_key && a.policy_key == b.policy_key;
}

void check_spelling(const std::string& query, const EasRequest& wanted) {
    const auto again = parse(query);
    EG_CHECK(again.has_value() && same(*again, wanted));
}

void check_base64(const std::string& query, const EasRequest& request) {
    EG_CHECK(request.has_device_id && filters::eas::is_version(request.protocol_version));
    if (query.find('%') != std::string::npos) {
        return;
    }
    std::string escaped;
    std::string url_safe;
    for (const char c : query) {
        escaped += '%' + to_hex(std::string_view(&c, 1));
        url_safe += c == '+' ? '-' : c == '/' ? '_' : c;
    }
    check_spelling(escaped, request);
    check_spelling(url_safe, request);
    check_spelling(query.substr(0, query.find_last_not_of('=') + 1), request);
    EG_CHECK(!parse(query + "&Cmd=Sync&DeviceId=A1"));
    EG_CHECK(!parse("Cmd=Sync&DeviceId=A1&" + query));
}

void check_plain(const std::string& query, const EasRequest& request) {
    const std::string sent = filters::eas::respell_query(query);
    check_spelling(sent, request);
    EG_CHECK((sent != query) == request.respelled && !parse(sent)->respelled);
    EG_CHECK(!parse(query + "?x=y"));
    if (query.find('=') != std::string::npos) {
        EG_CHECK(!parse(query + '&' + query));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string query(eg::fuzz::as_text(data, size));
    const auto request = parse(query);
    if (!request) {
        EG_CHECK(request.error().code == ErrorCode::malformed);
        EG_CHECK(request.error().side == Side::client);
        return 0;
    }
    EG_CHECK(query.find('?') == std::string::npos);
    EG_CHECK(!filters::eas::has_control_bytes(request->user));
    EG_CHECK(!filters::eas::has_control_bytes(request->device_type));
    EG_CHECK(is_utf8(request->user));
    EG_CHECK(request->device_id.size() <= filters::eas::kMostDeviceIdBytes);
    EG_CHECK(request->has_device_id == !request->device_id.empty());
    if (request->base64_form) {
        check_base64(query, *request);
    } else {
        EG_CHECK(!filters::eas::has_control_bytes(request->device_id));
        check_plain(query, *request);
    }
    return 0;
}
