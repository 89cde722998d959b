/// What the HTTP parsers make of bytes, as text: tables of tests compare it with what they expect,
/// and property tests compare the outcomes of the same bytes in different pieces.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "proxy/base/error.h"
#include "proxy/http/framing.h"
#include "proxy/http/head.h"
#include "proxy/http/parse.h"

namespace eg::test {

inline std::string show(const Error& error) {
    return fmt::format("{} {}", to_string(error.side), to_string(error.code));
}

inline std::string show(const http::Fields& fields) {
    std::string text;
    for (const http::Field& field : fields) {
        text += fmt::format("\n{}: {} ({})", field.name, field.value, static_cast<int>(field.id));
    }
    return text;
}

/// All that a head says: two heads that show the same are the same.
inline std::string show(const http::RequestHead& head) {
    return fmt::format("{} [{}] {}{}{} 1.{} host={}{}", head.method_text,
                       static_cast<int>(head.method), head.path, head.has_query ? "?" : "",
                       head.query, head.minor_version, head.host, show(head.fields));
}

inline std::string show(const http::ResponseHead& head) {
    return fmt::format("1.{} {} {}{}", head.minor_version, head.status, head.reason,
                       show(head.fields));
}

inline std::string show(const Result<http::Framing>& framing) {
    if (!framing) {
        return show(framing.error());
    }
    switch (framing->kind) {
        case http::Framing::Kind::none:
            return "none";
        case http::Framing::Kind::length:
            return fmt::format("length {}", framing->length);
        case http::Framing::Kind::chunked:
            return "chunked";
        case http::Framing::Kind::until_close:
            return "until close";
    }
    return "?";
}

inline Result<std::size_t> parse(std::string_view bytes, const http::HeadLimits& limits,
                                 http::HeadScan& scan, http::RequestHead& head) {
    return http::parse_request_head(bytes, limits, scan, head);
}

inline Result<std::size_t> parse(std::string_view bytes, const http::HeadLimits& limits,
                                 http::HeadScan& scan, http::ResponseHead& head) {
    return http::parse_response_head(bytes, limits, scan, head);
}

/// The outcome when the bytes are known up to each of `ends` in turn, and then whole. Each call
/// gets a copy of its own and a new head, as when buffers move and heads are shared.
template <typename Head>
std::string head_outcome(std::string_view bytes, std::vector<std::size_t> ends = {},
                         const http::HeadLimits& limits = {}) {
    http::HeadScan scan;
    ends.push_back(bytes.size());
    for (const std::size_t end : ends) {
        const std::vector<char> exact(bytes.begin(),
                                      bytes.begin() + static_cast<std::ptrdiff_t>(end));
        Head head;
        const auto taken = parse({exact.data(), exact.size()}, limits, scan, head);
        if (!taken) {
            return show(taken.error());
        }
        if (*taken != 0) {
            return fmt::format("{} bytes: {}", *taken, show(head));
        }
    }
    return "need more";
}

/// The ends of pieces of `step` bytes each.
inline std::vector<std::size_t> every(std::size_t step, std::size_t size) {
    std::vector<std::size_t> ends;
    for (std::size_t end = step; end < size; end += step) {
        ends.push_back(end);
    }
    return ends;
}

/// The body that `bytes` begin with, when at most `step` bytes more are known at a time: the data,
/// a
/// '|', and how it ended: how many bytes it took, `need more` or the error.
inline std::string body_outcome(http::Framing framing, std::string_view bytes,
                                std::size_t step = std::string_view::npos) {
    http::BodyReader reader(framing, Side::client);
    std::string data;
    std::size_t used = 0;
    std::size_t known = std::min(step, bytes.size());
    while (!reader.done()) {
        const std::string_view input = bytes.substr(used, known - used);
        const std::vector<char> exact(input.begin(), input.end());
        const auto piece = reader.next({exact.data(), exact.size()});
        if (!piece) {
            return data + "|" + show(piece.error());
        }
        data += piece->data;
        used += piece->consumed;
        if (piece->consumed == 0) {
            if (known == bytes.size()) {
                return data + "|need more";
            }
            known = step > bytes.size() - known ? bytes.size() : known + step;
        }
    }
    return fmt::format("{}|{} bytes", data, used);
}

}  // namespace eg::test
