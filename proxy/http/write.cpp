#include "proxy/http/write.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "proxy/base/check.h"
#include "proxy/base/text.h"
#include "proxy/http/run_length.h"
#include "proxy/http/status.h"

namespace eg::http {

namespace {

constexpr std::size_t kFieldMarks = 4;  // ": " and CRLF

// Copies and steps on.
char* put(char* to, std::string_view text) {
    if (!text.empty()) {  // the data of an empty one may be null
        std::memcpy(to, text.data(), text.size());
    }
    return to + text.size();
}

}  // namespace

inline char* HeadWriter::extend(std::size_t bytes) {
    if (failed_ || bytes > memory_.size() - used_) {
        failed_ = true;
        return nullptr;
    }
    char* at = memory_.data() + used_;
    used_ += bytes;
    return at;
}

void HeadWriter::append(std::string_view text) {
    if (char* at = extend(text.size()); at != nullptr) {
        put(at, text);
    }
}

void HeadWriter::request_line(std::string_view method, std::string_view path, bool has_query,
                              std::string_view query) {
    // A '?' in the path would make another query of it; a query that isn't announced would vanish.
    if (method.empty() || path.empty() || path.find('?') != std::string_view::npos ||
        (!has_query && !query.empty())) {
        failed_ = true;
    }
    failed_ |=
        !is_all<kTokenChar>(method) || !is_all<kTargetChar>(path) || !is_all<kTargetChar>(query);
    append(method);
    append(" ");
    append(path);
    if (has_query) {
        append("?");
        append(query);
    }
    append(" HTTP/1.1\r\n");
}

void HeadWriter::status_line(unsigned status, std::string_view reason) {
    if (status < 100 || status > 599) {
        failed_ = true;
        return;
    }
    std::array<char, 3> digits{};
    std::to_chars(digits.data(), digits.data() + digits.size(), status);
    append("HTTP/1.1 ");
    append({digits.data(), digits.size()});
    append(" ");
    const std::string_view text = reason.empty() ? reason_phrase(status) : reason;
    failed_ |= !is_all<kValueChar>(text);
    append(text);
    append("\r\n");
}

void HeadWriter::field(std::string_view name, std::string_view value) {
    failed_ |= name.empty() || !is_all<kTokenChar>(name);
    add(name, value);
}

void HeadWriter::add(std::string_view name, std::string_view value) {
    failed_ |= !is_all<kValueChar>(value);
    char* at = extend(name.size() + value.size() + kFieldMarks);
    if (at == nullptr) {
        return;
    }
    at = put(at, name);
    at = put(at, ": ");
    at = put(at, value);
    put(at, "\r\n");
}

void HeadWriter::field(const Field& parsed) {
    const std::string_view name = parsed.name;
    const std::string_view value = parsed.value;
    // As we would write it, nearly always: then it is one run of bytes.
    if (value.data() != name.data() + name.size() + 2 || name.data()[name.size()] != ':' ||
        name.data()[name.size() + 1] != ' ') {
        field(name, value);
        return;
    }
    const std::size_t length = name.size() + value.size() + 2;
    char* at = extend(length + 2);
    if (at != nullptr) {
        put(put(at, {name.data(), length}), "\r\n");
    }
}

void HeadWriter::add_number(std::string_view name, std::uint64_t value) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    add(name, std::string_view(digits.data(), static_cast<std::size_t>(end.ptr - digits.data())));
}

void HeadWriter::end() {
    append("\r\n");
}

bool is_hop_by_hop(const Field& field) {
    switch (field.id) {
        case FieldName::connection:
        case FieldName::keep_alive:
        case FieldName::proxy_connection:
        case FieldName::te:
        case FieldName::trailer:
        case FieldName::transfer_encoding:
        case FieldName::upgrade:
            return true;
        default:
            return false;
    }
}

bool connection_lists(const Fields& fields, std::string_view option) {
    if (!fields.has(FieldName::connection)) {
        return false;
    }
    for (const Field& field : fields) {
        if (field.id != FieldName::connection) {
            continue;
        }
        std::string_view rest = field.value;
        while (!rest.empty()) {
            const std::size_t comma = std::min(rest.find(','), rest.size());
            if (iequals(trim(rest.substr(0, comma)), option)) {
                return true;
            }
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
    }
    return false;
}

bool keeps_alive(const Fields& fields, unsigned minor_version) {
    if (connection_lists(fields, "close")) {
        return false;
    }
    return minor_version >= 1 || connection_lists(fields, "keep-alive");
}

std::size_t write_chunk_size(std::uint64_t size, std::span<char> out) {
    constexpr std::size_t kLongest = 18;
    EG_CHECK(size != 0 && out.size() >= kLongest);
    char* end = std::to_chars(out.data(), out.data() + 16, size, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    return static_cast<std::size_t>(end - out.data());
}

}  // namespace eg::http
