#include "filters/eas/request.h"

#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "filters/eas/query.h"
#include "proxy/base/text.h"

namespace eg::filters::eas {

namespace {

constexpr std::array<std::pair<std::uint16_t, std::string_view>, 7> kVersions{{
    {std::uint16_t{25}, "2.5"},
    {std::uint16_t{120}, "12.0"},
    {std::uint16_t{121}, "12.1"},
    {std::uint16_t{140}, "14.0"},
    {std::uint16_t{141}, "14.1"},
    {std::uint16_t{160}, "16.0"},
    {std::uint16_t{161}, "16.1"},
}};

constexpr auto malformed(const char* what) {
    return fail(ErrorCode::malformed, Side::client, what);
}

/// 0 for what is no version.
std::uint16_t version_of(std::string_view text) {
    for (const auto& [version, its_text] : kVersions) {
        if (text == its_text) {
            return version;
        }
    }
    return 0;
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
    const std::uint16_t version = version_of(field->value);
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

bool is_version(std::uint16_t version) {
    return !version_text(version).empty();
}

std::string_view version_text(std::uint16_t version) {
    for (const auto& [its_version, text] : kVersions) {
        if (version == its_version) {
            return text;
        }
    }
    return {};
}

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
