#include "proxy/http/write.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "proxy/base/check.h"
#include "proxy/base/text.h"
#include "proxy/http/chars.h"
#include "proxy/http/status.h"

namespace eg::http {

void HeadWriter::append(std::string_view text) {
    if (failed_ || text.size() > memory_.size() - used_) {
        failed_ = true;
        return;
    }
    std::copy(text.begin(), text.end(), memory_.data() + used_);
    used_ += text.size();
}

void HeadWriter::append_checked(std::string_view text, CharClass allowed) {
    if (!all_in(allowed, text)) {
        failed_ = true;
    }
    append(text);
}

void HeadWriter::request_line(std::string_view method, std::string_view path, bool has_query,
                              std::string_view query) {
    // A '?' in the path would make another query of it; a query that isn't announced would vanish.
    if (method.empty() || path.empty() || path.find('?') != std::string_view::npos ||
        (!has_query && !query.empty())) {
        failed_ = true;
    }
    append_checked(method, kTokenChar);
    append(" ");
    append_checked(path, kTargetChar);
    if (has_query) {
        append("?");
        append_checked(query, kTargetChar);
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
    append_checked(reason.empty() ? reason_phrase(status) : reason, kValueChar);
    append("\r\n");
}

void HeadWriter::field(std::string_view name, std::string_view value) {
    if (name.empty()) {
        failed_ = true;
    }
    append_checked(name, kTokenChar);
    append(": ");
    append_checked(value, kValueChar);
    append("\r\n");
}

void HeadWriter::field(std::string_view name, std::uint64_t value) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    field(name, std::string_view(digits.data(), static_cast<std::size_t>(end.ptr - digits.data())));
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
