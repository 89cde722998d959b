#include "proxy/http/status.h"

#include <algorithm>
#include <array>

namespace eg::http {

namespace {

struct StatusText {
    unsigned status = 0;
    std::string_view reason;
    std::string_view body;  // "" where we never send one of our own
};

constexpr std::array kStatusTexts = std::to_array<StatusText>({
    {100, "Continue", {}},
    {101, "Switching Protocols", {}},
    {103, "Early Hints", {}},
    {200, "OK", {}},
    {201, "Created", {}},
    {202, "Accepted", {}},
    {204, "No Content", {}},
    {206, "Partial Content", {}},
    {207, "Multi-Status", {}},
    {301, "Moved Permanently", {}},
    {302, "Found", {}},
    {303, "See Other", {}},
    {304, "Not Modified", {}},
    {307, "Temporary Redirect", {}},
    {308, "Permanent Redirect", {}},
    {400, "Bad Request", "The request could not be understood.\n"},
    {401, "Unauthorized", "Please sign in.\n"},
    {403, "Forbidden", "Access is not permitted. Please contact your administrator.\n"},
    {404, "Not Found", "There is nothing here.\n"},
    {405, "Method Not Allowed", "This method is not allowed here.\n"},
    {406, "Not Acceptable", {}},
    {408, "Request Timeout", "The request took too long to arrive. Please try again.\n"},
    {409, "Conflict", "The request contradicts what is there.\n"},
    {410, "Gone", "This is not available any more.\n"},
    {411, "Length Required", "The request needs a length.\n"},
    {412, "Precondition Failed", {}},
    {413, "Content Too Large", "The request is too large.\n"},
    {414, "URI Too Long", "The address of the request is too long.\n"},
    {415, "Unsupported Media Type", "This kind of content is not accepted here.\n"},
    {417, "Expectation Failed", "The expectation of this request can't be met.\n"},
    {422, "Unprocessable Content", "The content of the request could not be used.\n"},
    {429, "Too Many Requests", "Too many requests. Please try again later.\n"},
    {431, "Request Header Fields Too Large", "The header of the request is too large.\n"},
    {451, "Unavailable For Legal Reasons", {}},
    {500, "Internal Server Error", "Something went wrong here. Please try again later.\n"},
    {501, "Not Implemented", "This is not supported.\n"},
    {502, "Bad Gateway", "The mail server gave no usable answer. Please try again later.\n"},
    {503, "Service Unavailable", "The service is not available now. Please try again later.\n"},
    {504, "Gateway Timeout", "The mail server did not answer in time. Please try again later.\n"},
    {505, "HTTP Version Not Supported", "This version of HTTP is not supported.\n"},
    {507, "Insufficient Storage", {}},
});

const StatusText* text_of(unsigned status) {
    const auto found = std::find_if(kStatusTexts.begin(), kStatusTexts.end(),
                                    [status](const StatusText& t) { return t.status == status; });
    return found == kStatusTexts.end() ? nullptr : &*found;
}

}  // namespace

std::string_view reason_phrase(unsigned status) {
    const StatusText* text = text_of(status);
    return text == nullptr ? "Status" : text->reason;
}

std::string_view plain_body(unsigned status) {
    const StatusText* text = text_of(status);
    return text == nullptr || text->body.empty() ? "The request was not carried out.\n"
                                                 : text->body;
}

}  // namespace eg::http
