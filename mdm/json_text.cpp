#include "mdm/json_text.h"

#include <fmt/format.h>

namespace eg::mdm {

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c >= '\0' && c < ' ') {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out += c;
        }
    }
    out += '"';
}

void append_json_keys(std::string& out, std::span<const device::KeyHash> keys) {
    std::string_view before = R"(,"keys":[)";
    for (const device::KeyHash& key : keys) {
        out += before;
        append_json_string(out, device::key_text(key));
        before = ",";
    }
    out += keys.empty() ? "" : "]";
}

}  // namespace eg::mdm
