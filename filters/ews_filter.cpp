#include "filters/ews_filter.h"

#include <algorithm>
#include <array>

#include "filters/named_device.h"
#include "proxy/base/text.h"

namespace eg::filters {

namespace {

/// Act for others, or hand over who somebody is: in SOAP headers mostly, in fields where front ends
/// pass them on.
constexpr std::array<std::string_view, 4> kForbiddenInNames{"impersonat", "explicitlogon",
                                                            "securitycontext", "managementrole"};

constexpr std::string_view kSubscribeAction =
    "http://schemas.microsoft.com/exchange/services/2006/messages/Subscribe";

bool icontains(std::string_view text, std::string_view part) {
    for (std::size_t at = 0; at + part.size() <= text.size(); ++at) {
        if (istarts_with(text.substr(at), part)) {
            return true;
        }
    }
    return false;
}

std::string_view unquote(std::string_view text) {
    const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
    return quoted ? text.substr(1, text.size() - 2) : text;
}

/// `text/xml` or `application/soap+xml`, in UTF-8, for no other action than Subscribe.
bool is_soap(std::string_view type) {
    const std::size_t end = std::min(type.find(';'), type.size());
    const std::string_view media = trim(type.substr(0, end));
    if (!iequals(media, "text/xml") && !iequals(media, "application/soap+xml")) {
        return false;
    }
    std::string_view rest = type.substr(std::min(end + 1, type.size()));
    while (!trim(rest).empty()) {
        const std::size_t semicolon = std::min(rest.find(';'), rest.size());
        const std::string_view pair = trim(rest.substr(0, semicolon));
        rest.remove_prefix(std::min(semicolon + 1, rest.size()));
        const std::size_t equals = pair.find('=');
        if (equals == std::string_view::npos) {
            return false;
        }
        const std::string_view name = pair.substr(0, equals);
        const std::string_view value = unquote(pair.substr(equals + 1));
        const bool fine = (iequals(name, "charset") && iequals(value, "utf-8")) ||
                          (iequals(name, "action") && value == kSubscribeAction);
        if (!fine) {
            return false;
        }
    }
    return true;
}

/// Whether the fields are those of a plain SOAP request.
bool are_fields_fine(const http::Fields& fields) {
    std::size_t actions = 0;
    for (const http::Field& field : fields) {
        const bool forbidden = std::ranges::any_of(
            kForbiddenInNames, [&](std::string_view part) { return icontains(field.name, part); });
        if (forbidden) {
            return false;
        }
        if (iequals(field.name, "SOAPAction")) {
            const std::string_view action = unquote(field.value);
            if (++actions > 1 || (!action.empty() && action != kSubscribeAction)) {
                return false;
            }
        }
    }
    const std::string_view coding = fields.value(http::FieldName::content_encoding);
    return coding.empty() || iequals(coding, "identity");
}

}  // namespace

bool announces_body(const http::RequestHead& head) {
    if (head.fields.find(http::FieldName::transfer_encoding) != nullptr) {
        return true;
    }
    const http::Field* length = head.fields.find(http::FieldName::content_length);
    return length != nullptr && length->value.find_first_not_of('0') != std::string_view::npos;
}

Reason judge_ews(const Facts& facts) {
    if (facts.service != Service::ews) {
        return Reason::none;
    }
    const http::RequestHead& head = *facts.head;
    if (!head.query.empty() || !are_fields_fine(head.fields)) {
        return Reason::ews;
    }
    const bool body = announces_body(head);
    const bool bound = facts.claims != nullptr && facts.claims->connection_bound;
    if (!body && !bound) {
        return Reason::ews;
    }
    if (body) {
        if (head.fields.count(http::FieldName::content_type) != 1 ||
            !is_soap(head.fields.value(http::FieldName::content_type))) {
            return Reason::ews;
        }
        if (facts.connection_unreadable || (facts.claims != nullptr && facts.claims->unreadable)) {
            return Reason::ews_user;
        }
    }
    return is_named_by_device(facts) ? Reason::none : Reason::ews_user;
}

}  // namespace eg::filters
