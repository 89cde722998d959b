#include "filters/bearer.h"

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "filters/claims.h"
#include "filters/eas/query.h"
#include "proxy/base/json.h"
#include "proxy/base/text.h"

namespace eg::filters {

namespace {

constexpr std::array<std::string_view, 2> kNameKeys{"upn", "unique_name"};

constexpr auto malformed(const char* what) {
    return fail(ErrorCode::malformed, Side::client, what);
}

/// The middle one of three parts, decoded; nothing if the token isn't of that form.
std::optional<std::string> payload_of(std::string_view token) {
    const std::size_t first = token.find('.');
    const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view payload = token.substr(first + 1, second - first - 1);
    // RFC 7515 2: the URL-safe alphabet without padding; a lenient reader is the mail server's
    // risk.
    if (payload.empty() || payload.find_first_of("+/=") != std::string_view::npos) {
        return std::nullopt;
    }
    return base64_decode(payload);
}

/// Appends the text under `key`, in any letter case, if there is one.
Result<void> take_name(json_t* object, std::string_view key, std::vector<std::string>& names) {
    json_t* found = nullptr;
    const char* member = nullptr;
    json_t* value = nullptr;
    json_object_foreach(object, member, value) {
        if (!iequals(member, key)) {
            continue;
        }
        if (found != nullptr) {
            return malformed("a token with a repeated key");
        }
        found = value;
    }
    if (!json_is_string(found)) {
        return {};
    }
    std::string name(json_string_value(found), json_string_length(found));
    if (eas::has_control_bytes(name)) {
        return malformed("a token with a control character in a name");
    }
    names.push_back(std::move(name));
    return {};
}

}  // namespace

Result<std::vector<std::string>> read_bearer(std::string_view token) {
    std::vector<std::string> names;
    const std::optional<std::string> payload =
        token.size() <= kMostTokenBytes ? payload_of(token) : std::nullopt;
    if (!payload) {
        return names;
    }
    json_error_t error;
    const Json root(json_loadb(payload->data(), payload->size(), JSON_REJECT_DUPLICATES, &error));
    if (!root) {
        if (json_error_code(&error) == json_error_duplicate_key) {
            return malformed("a token with a repeated key");
        }
        return names;
    }
    if (!json_is_object(root.get())) {
        return names;
    }
    for (const std::string_view key : kNameKeys) {
        if (const Result<void> taken = take_name(root.get(), key, names); !taken) {
            return std::unexpected(taken.error());
        }
    }
    return names;
}

}  // namespace eg::filters
