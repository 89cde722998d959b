// Properties: a name that is read is UTF-8 without control bytes; a credential either names
// somebody or is unreadable (NTLM's first message alone is neither); the same field twice is
// refused; the names that are claimed match themselves.

#include <string>

#include "filters/claims.h"
#include "filters/eas/query.h"
#include "filters/names.h"
#include "proxy/base/text.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace eg;
    const std::string_view value = eg::fuzz::as_text(data, size);
    http::RequestHead head;
    const http::Field field{
        .name = "Authorization", .value = value, .id = http::FieldName::authorization};
    head.fields.add(field);
    const auto claims = filters::read_claims(head);
    if (!claims) {
        EG_CHECK(claims.error().code == ErrorCode::malformed);
        return 0;
    }
    EG_CHECK(claims->credential != filters::Credential::none);
    EG_CHECK(!claims->unreadable || claims->names.empty());
    EG_CHECK(claims->unreadable || !claims->names.empty() || claims->connection_bound);
    for (const std::string_view name : claims->names) {
        EG_CHECK(is_utf8(name) && !filters::eas::has_control_bytes(name));
        EG_CHECK(filters::user_matches(name, name, {}) == !name.empty());
        EG_CHECK(!filters::user_matches(std::string(name) + "x", name, {}));
    }
    head.fields.add(field);
    EG_CHECK(!filters::read_claims(head));
    return 0;
}
