#include "proxy/gate/head_edit.h"

#include <algorithm>
#include <array>
#include <string>

#include "proxy/base/text.h"
#include "proxy/http/write.h"

namespace eg::gate {

namespace {

using http::FieldName;

constexpr std::array<std::string_view, 14> kDroppedRequestFields{
    "X-Original-URL",      "X-Rewrite-URL",     "X-HTTP-Method-Override",
    "X-HTTP-Method",       "X-Method-Override", "Forwarded",
    "X-Real-IP",           "X-Client-IP",       "X-CommonAccessToken",
    "X-Rps-CAT",           "X-IsFromCafe",      "X-SourceCafeServer",
    "Proxy-Authorization", "Proxy-Authenticate"};

constexpr std::array<std::string_view, 9> kDroppedResponseFields{"X-BEServer",
                                                                 "X-FEServer",
                                                                 "X-CalculatedBETarget",
                                                                 "X-DiagInfo",
                                                                 "Server",
                                                                 "X-Powered-By",
                                                                 "X-AspNet-Version",
                                                                 "Proxy-Authenticate",
                                                                 "Proxy-Authentication-Info"};

constexpr std::array<std::string_view, 4> kDroppedCookies{
    "X-BEResource", "X-AnonResource", "X-AnonResource-Backend", "SecurityToken"};

constexpr std::string_view kOfferedVersions = "MS-ASProtocolVersions";
constexpr std::string_view kRenewedVersions = "X-MS-RP";

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::any_of(names.begin(), names.end(), [name](std::string_view listed) {
        return listed.size() == name.size() && iequals(listed, name);
    });
}

/// Calls `use` with each name=value pair of a Cookie field. Old servers split at commas too.
template <typename Use>
void for_each_cookie(std::string_view value, Use&& use) {
    while (!value.empty()) {
        const std::size_t end = std::min(value.find_first_of(";,"), value.size());
        const std::string_view pair = trim(value.substr(0, end));
        if (!pair.empty()) {
            use(pair);
        }
        value.remove_prefix(std::min(end + 1, value.size()));
    }
}

std::string_view cookie_name(std::string_view pair) {
    std::string_view name = trim(pair.substr(0, pair.find('=')));
    while (!name.empty() && name.front() == '"') {
        name.remove_prefix(1);
    }
    while (!name.empty() && name.back() == '"') {
        name.remove_suffix(1);
    }
    return name;
}

void write_cookie(http::HeadWriter& writer, const http::Field& field) {
    bool dropped = false;
    for_each_cookie(field.value, [&](std::string_view pair) {
        dropped = dropped || is_dropped_cookie(cookie_name(pair));
    });
    if (!dropped) {
        writer.field(field);
        return;
    }
    std::string kept;
    for_each_cookie(field.value, [&](std::string_view pair) {
        if (!is_dropped_cookie(cookie_name(pair))) {
            kept += kept.empty() ? "" : "; ";
            kept += pair;
        }
    });
    if (!kept.empty()) {
        writer.field(field.name, kept);
    }
}

/// A Set-Cookie field names one cookie, at its start (RFC 6265 4.1.1).
bool sets_dropped_cookie(const http::Field& field) {
    return field.id == FieldName::set_cookie &&
           is_dropped_cookie(cookie_name(field.value.substr(0, field.value.find(';'))));
}

/// False if it is no list of versions. An empty list of those that are offered says that there is
/// none; one of those to choose from anew says nothing.
bool write_narrowed(http::HeadWriter& writer, const http::Field& field,
                    const filters::eas::VersionSet& versions) {
    const bool offered = iequals(field.name, kOfferedVersions);
    if (!offered && !iequals(field.name, kRenewedVersions)) {
        return false;
    }
    const ShortText narrowed = versions.narrow(field.value);
    if (offered || !narrowed.empty()) {
        writer.field(field.name, narrowed.view());
    }
    return true;
}

void write_framing(http::HeadWriter& writer, const http::Framing& framing) {
    if (framing.kind == http::Framing::Kind::length) {
        writer.field("Content-Length", framing.length);
    } else if (framing.kind == http::Framing::Kind::chunked) {
        writer.field("Transfer-Encoding", "chunked");
    }
}

}  // namespace

bool is_dropped_request_field(std::string_view name) {
    if (name.find('_') != std::string_view::npos) {
        return true;
    }
    const char first = to_lower(name.front());
    if (first != 'x' && first != 'f' && first != 'p') {
        return false;
    }
    return istarts_with(name, "X-Forwarded-") || is_one_of(kDroppedRequestFields, name);
}

bool is_dropped_response_field(std::string_view name) {
    const char first = to_lower(name.front());
    return (first == 'x' || first == 's' || first == 'p') &&
           is_one_of(kDroppedResponseFields, name);
}

bool is_dropped_cookie(std::string_view name) {
    return is_one_of(kDroppedCookies, name);
}

bool nominates_end_to_end(const http::RequestHead& head) {
    if (!head.fields.has(FieldName::connection)) {
        return false;
    }
    return std::any_of(head.fields.begin(), head.fields.end(), [&](const http::Field& field) {
        const bool ours = field.id != FieldName::other && field.id != FieldName::connection &&
                          field.id != FieldName::keep_alive && !http::is_hop_by_hop(field);
        return ours && http::connection_lists(head.fields, field.name);
    });
}

std::optional<std::size_t> write_upstream_head(const http::RequestHead& head,
                                               const RequestEdit& edit, std::span<char> out) {
    http::HeadWriter writer(out);
    writer.request_line(head.method_text, edit.path, head.has_query,
                        edit.query.empty() ? head.query : edit.query);
    writer.field("Host", edit.host);
    for (const auto& field : head.fields) {
        switch (field.id) {
            case FieldName::host:
            case FieldName::content_length:
            case FieldName::expect:
            case FieldName::x_request_id:
                continue;
            case FieldName::cookie:
                write_cookie(writer, field);
                continue;
            default:
                break;
        }
        if (http::is_hop_by_hop(field) || http::connection_lists(head.fields, field.name) ||
            (field.id == FieldName::other && is_dropped_request_field(field.name))) {
            continue;
        }
        writer.field(field);
    }
    if (!edit.length_follows) {
        write_framing(writer, edit.framing);
    }
    if (edit.framing.kind == http::Framing::Kind::none && head.method == http::Method::post) {
        writer.field("Content-Length", std::uint64_t{0});
    }
    writer.field("X-Forwarded-For", edit.client);
    writer.field("X-Forwarded-Proto", edit.https ? "https" : "http");
    writer.field("X-Request-Id", edit.request_id);
    if (!edit.length_follows) {
        writer.end();
    }
    return writer.failed() ? std::nullopt : std::optional(writer.written().size());
}

const http::Field* offered_versions(const http::ResponseHead& head) {
    return head.fields.find(kOfferedVersions);
}

std::optional<std::size_t> write_client_head(const http::ResponseHead& head,
                                             const ResponseEdit& edit, std::span<char> out) {
    http::HeadWriter writer(out);
    writer.status_line(head.status, head.reason);
    for (const auto& field : head.fields) {
        if (field.id == FieldName::content_length || http::is_hop_by_hop(field) ||
            http::connection_lists(head.fields, field.name) || sets_dropped_cookie(field) ||
            (field.id == FieldName::other && is_dropped_response_field(field.name))) {
            continue;
        }
        if (edit.versions != nullptr && write_narrowed(writer, field, *edit.versions)) {
            continue;
        }
        writer.field(field);
    }
    if (head.status >= 200) {
        write_framing(writer, edit.framing);
        const bool bodiless = head.status == 204 || head.status == 304;
        if (edit.framing.kind == http::Framing::Kind::none && !bodiless) {
            writer.field("Content-Length", std::uint64_t{0});
        }
        if (edit.close) {
            writer.field("Connection", "close");
        } else if (edit.http10) {
            writer.field("Connection", "keep-alive");
        }
    }
    writer.end();
    return writer.failed() ? std::nullopt : std::optional(writer.written().size());
}

}  // namespace eg::gate
