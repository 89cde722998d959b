#include "proxy/http/status.h"

namespace eg::http {

std::string_view reason_phrase(unsigned status) {
    switch (status) {
        case 100:
            return "Continue";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 206:
            return "Partial Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 411:
            return "Length Required";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 422:
            return "Unprocessable Content";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        case 507:
            return "Insufficient Storage";
        default:
            return "Status";
    }
}

std::string_view plain_body(unsigned status) {
    switch (status) {
        case 400:
            return "The request could not be understood.\n";
        case 401:
            return "Please sign in.\n";
        case 403:
            return "Access is not permitted. Please contact your administrator.\n";
        case 404:
            return "There is nothing here.\n";
        case 405:
            return "This method is not allowed here.\n";
        case 408:
            return "The request took too long to arrive. Please try again.\n";
        case 413:
            return "The request is too large.\n";
        case 417:
            return "The expectation of this request can't be met.\n";
        case 429:
            return "Too many requests. Please try again later.\n";
        case 431:
            return "The header of the request is too large.\n";
        case 500:
            return "Something went wrong here. Please try again later.\n";
        case 501:
            return "This is not supported.\n";
        case 502:
            return "The mail server gave no usable answer. Please try again later.\n";
        case 503:
            return "The service is not available now. Please try again later.\n";
        case 504:
            return "The mail server did not answer in time. Please try again later.\n";
        case 505:
            return "This version of HTTP is not supported.\n";
        default:
            return "The request was not carried out.\n";
    }
}

}  // namespace eg::http
