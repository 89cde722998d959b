#include "filters/eas/request.h"

#include <limits>
#include <optional>
#include <utility>

#include "filters/eas/query.h"
#include "proxy/base/text.h"

namespace eg::filters::eas {

namespace {

constexpr auto malformed(const char* what) {
    return fail(ErrorCode::malformed, Side::client, what);
}

/// The fields of which a request has at most one. Null: it has none.
struct SingleFields {
    const http::Field* version = nullptr;
    const http::Field* policy_key = nullptr;
    const http::Field* user_agent = nullptr;
};

/// False if one of them is repeated.
bool find_single_fields(const http::Fields& fields, SingleFields& found) {
    for (const http::Field& field : fields) {
        const http::Field** place = nullptr;
        switch (field.id) {
            case http::FieldName::ms_asprotocolversion:
                place = &found.version;
                break;
            case http::FieldName::x_ms_policykey:
                place = &found.policy_key;
                break;
            case http::FieldName::user_agent:
                place = &found.user_agent;
                break;
            default:
                continue;
        }
        if (*place != nullptr) {
            return false;
        }
        *place = &field;
    }
    return true;
}

Result<void> read_version_field(const http::Field* field, EasRequest& request) {
    if (field == nullptr) {
        return {};
    }
    const std::uint16_t version = version_number(field->value);
    if (version == 0) {
        return malformed("an unknown protocol version");
    }
    // Servers differ in which of the two they believe.
    if (request.protocol_version != 0 && request.protocol_version != version) {
        return malformed("a base64 query whose version contradicts MS-ASProtocolVersion");
    }
    request.protocol_version = version;
    return {};
}

void read_policy_key_field(const http::Field* field, EasRequest& request) {
    if (request.base64_form || field == nullptr) {
        return;
    }
    const std::optional<std::uint64_t> key = parse_unsigned(field->value);
    if (!key || *key > std::numeric_limits<std::uint32_t>::max()) {
        return;
    }
    request.has_policy_key = true;
    request.policy_key = static_cast<std::uint32_t>(*key);
}

}  // namespace

Result<EasRequest> parse_request(const http::RequestHead& head) {
    EasRequest request;
    if (const Result<void> parsed = parse_request(head, request); !parsed) {
        return std::unexpected(parsed.error());
    }
    return request;
}

Result<void> parse_request(const http::RequestHead& head, EasRequest& request) {
    if (head.query.contains('?')) {
        return malformed("a second '?' in the request target");
    }
    SingleFields fields;
    if (!find_single_fields(head.fields, fields)) {
        return malformed("a repeated field that may stand only once");
    }
    const Result<void> query = is_base64_form(head.query) ? read_base64_query(head.query, request)
                                                          : read_plain_query(head.query, request);
    if (!query) {
        return query;
    }
    if (const Result<void> version = read_version_field(fields.version, request); !version) {
        return version;
    }
    read_policy_key_field(fields.policy_key, request);
    return {};
}

}  // namespace eg::filters::eas
