#include "filters/autodiscover/answer.h"

#include <fmt/format.h>

#include "proxy/base/text.h"

namespace eg::filters::autodiscover {

namespace {

constexpr std::string_view kXml = "text/xml; charset=utf-8";
constexpr std::string_view kJson = "application/json; charset=utf-8";
constexpr std::string_view kActiveSyncPath = "/Microsoft-Server-ActiveSync";

std::string xml_escape(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        switch (c) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            case '\'':
                escaped += "&apos;";
                break;
            default:
                escaped += c;
        }
    }
    return escaped;
}

/// `body`: of the Response.
std::string document(std::string_view schema, std::string_view body) {
    return fmt::format(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
        "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/"
        "responseschema/2006\">\n"
        "<Response{}>{}</Response>\n</Autodiscover>\n",
        schema, body);
}

std::string error(int code, std::string_view message) {
    return document("", fmt::format("<Error><ErrorCode>{}</ErrorCode><Message>{}</Message>"
                                    "<DebugData/></Error>",
                                    code, message));
}

Answer json_error(std::string_view code, std::string_view message) {
    return {.status = 400,
            .type = kJson,
            .body = fmt::format(R"({{"ErrorCode":"{}","ErrorMessage":"{}"}})", code, message)};
}

}  // namespace

Answer answer_xml(Asked asked, std::string_view address, std::string_view base_url) {
    switch (asked) {
        case Asked::nothing:
            return {.type = kXml, .body = error(600, "Invalid Request")};
        case Asked::other:
            return {.type = kXml, .body = error(601, "Provider is not available")};
        case Asked::active_sync:
            break;
    }
    const std::string url = xml_escape(base_url) + std::string(kActiveSyncPath);
    return {.type = kXml,
            .body = document(
                " xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/mobilesync/"
                "responseschema/2006\"",
                fmt::format("<Culture>en:us</Culture><User><EMailAddress>{}</EMailAddress></User>"
                            "<Action><Settings><Server><Type>MobileSync</Type><Url>{}</Url>"
                            "<Name>{}</Name></Server></Settings></Action>",
                            xml_escape(address), url, url))};
}

Answer answer_json(const Query& query, std::string_view base_url) {
    if (query.email.empty()) {
        return json_error("MandatoryParameterMissing", "A valid smtp address must be specified");
    }
    if (query.protocol.empty()) {
        return json_error("MandatoryParameterMissing",
                          "A valid value must be provided for the query parameter 'Protocol'");
    }
    if (!iequals(query.protocol, "ActiveSync")) {
        return json_error("InvalidProtocol",
                          "The given protocol value is invalid. Supported values are 'ActiveSync'");
    }
    // A base URL is an origin, of which no byte has a meaning in JSON.
    return {.type = kJson,
            .body = fmt::format(R"({{"Protocol":"ActiveSync","Url":"{}{}"}})", base_url,
                                kActiveSyncPath)};
}

}  // namespace eg::filters::autodiscover
