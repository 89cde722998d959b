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

Result<void> read_version_field(const http::Fields& fields, EasRequest& request) {
    const http::Field* field = fields.find(http::FieldName::ms_asprotocolversion);
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

void read_policy_key_field(const http::Fields& fields, EasRequest& request) {
    const std::optional<std::uint64_t> key =
        parse_unsigned(fields.value(http::FieldName::x_ms_policykey));
    if (request.base64_form || !key || *key > std::numeric_limits<std::uint32_t>::max()) {
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
    if (head.query.find('?') != std::string_view::npos) {
        return malformed("a second '?' in the request target");
    }
    for (const http::FieldName single :
         {http::FieldName::ms_asprotocolversion, http::FieldName::x_ms_policykey,
          http::FieldName::user_agent}) {
        if (head.fields.count(single) > 1) {
            return malformed("a repeated field that may stand only once");
        }
    }
    EasRequest request;
    const Result<void> query = is_base64_form(head.query) ? read_base64_query(head.query, request)
                                                          : read_plain_query(head.query, request);
    if (!query) {
        return std::unexpected(query.error());
    }
    make_utf8(request.user);
    if (const Result<void> version = read_version_field(head.fields, request); !version) {
        return std::unexpected(version.error());
    }
    read_policy_key_field(head.fields, request);
    return request;
}

}  // namespace eg::filters::eas
