#include "proxy/http/head.h"

#include <algorithm>

#include "proxy/base/text.h"
#include "proxy/base/words.h"

namespace eg::http {

namespace {

// The FieldName if `name` is `known`, which is written in lower case and as long as `name` is. The
// length is known when this is compiled, so what remains are two or three words.
template <std::size_t kTerminated>
FieldName match(std::string_view name, const char (&known)[kTerminated], FieldName id) {
    constexpr std::size_t kSize = kTerminated - 1;
    std::uint64_t difference = 0;
    if constexpr (kSize < words::kBytes) {
        difference =
            words::lower(words::load_some(name.data(), kSize)) ^ words::load_some(known, kSize);
    } else {
        const auto compare = [&](std::size_t at) {
            difference |= words::lower(words::load(name.data() + at)) ^ words::load(known + at);
        };
        for (std::size_t at = 0; at + words::kBytes <= kSize; at += words::kBytes) {
            compare(at);
        }
        compare(kSize - words::kBytes);  // the last word overlaps the one before
    }
    return difference == 0 ? id : FieldName::other;
}

FieldName name_of_10(std::string_view name) {
    switch (to_lower(name[0])) {
        case 'c':
            return match(name, "connection", FieldName::connection);
        case 'k':
            return match(name, "keep-alive", FieldName::keep_alive);
        case 's':
            return match(name, "set-cookie", FieldName::set_cookie);
        case 'u':
            return match(name, "user-agent", FieldName::user_agent);
        default:
            return FieldName::other;
    }
}

FieldName name_of_12(std::string_view name) {
    return to_lower(name[0]) == 'c' ? match(name, "content-type", FieldName::content_type)
                                    : match(name, "x-request-id", FieldName::x_request_id);
}

FieldName name_of_16(std::string_view name) {
    switch (to_lower(name[0])) {
        case 'c':
            return match(name, "content-encoding", FieldName::content_encoding);
        case 'p':
            return match(name, "proxy-connection", FieldName::proxy_connection);
        case 'w':
            return match(name, "www-authenticate", FieldName::www_authenticate);
        default:
            return FieldName::other;
    }
}

}  // namespace

// The length nearly always decides alone, so that a name costs one comparison at most.
FieldName field_name(std::string_view name) {
    switch (name.size()) {
        case 2:
            return match(name, "te", FieldName::te);
        case 4:
            return match(name, "host", FieldName::host);
        case 6:
            return to_lower(name[0]) == 'c' ? match(name, "cookie", FieldName::cookie)
                                            : match(name, "expect", FieldName::expect);
        case 7:
            return to_lower(name[0]) == 't' ? match(name, "trailer", FieldName::trailer)
                                            : match(name, "upgrade", FieldName::upgrade);
        case 10:
            return name_of_10(name);
        case 12:
            return name_of_12(name);
        case 13:
            return match(name, "authorization", FieldName::authorization);
        case 14:
            return to_lower(name[0]) == 'c'
                       ? match(name, "content-length", FieldName::content_length)
                       : match(name, "x-ms-policykey", FieldName::x_ms_policykey);
        case 15:
            return match(name, "accept-encoding", FieldName::accept_encoding);
        case 16:
            return name_of_16(name);
        case 17:
            return match(name, "transfer-encoding", FieldName::transfer_encoding);
        case 20:
            return match(name, "ms-asprotocolversion", FieldName::ms_asprotocolversion);
        default:
            return FieldName::other;
    }
}

const Field* Fields::find(FieldName id) const {
    if (!has(id)) {
        return nullptr;
    }
    const auto found = std::find_if(list_.begin(), list_.end(),
                                    [id](const Field& field) { return field.id == id; });
    return found == list_.end() ? nullptr : &*found;
}

const Field* Fields::find(std::string_view name) const {
    const auto found = std::find_if(list_.begin(), list_.end(), [name](const Field& field) {
        return iequals(field.name, name);
    });
    return found == list_.end() ? nullptr : &*found;
}

std::string_view Fields::value(FieldName id) const {
    const Field* field = find(id);
    return field == nullptr ? std::string_view() : field->value;
}

std::size_t Fields::count(FieldName id) const {
    if (!has(id)) {
        return 0;
    }
    return static_cast<std::size_t>(std::count_if(
        list_.begin(), list_.end(), [id](const Field& field) { return field.id == id; }));
}

}  // namespace eg::http
