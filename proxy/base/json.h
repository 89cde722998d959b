/// Ownership of the JSON values of jansson.
#pragma once

#include <jansson.h>

#include <memory>
#include <string_view>

namespace eg {

struct JsonRelease {
    void operator()(json_t* value) const { json_decref(value); }
};
using Json = std::unique_ptr<json_t, JsonRelease>;

/// The bytes of a JSON string, "" of anything else. Valid as long as the value.
[[nodiscard]] inline std::string_view json_text(const json_t* value) {
    return json_is_string(value)
               ? std::string_view(json_string_value(value), json_string_length(value))
               : std::string_view();
}

}  // namespace eg
