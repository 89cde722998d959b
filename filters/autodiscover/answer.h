/// The documents that answer Autodiscover requests, written here. They say nothing but where this
/// gate is, to whomever asks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "filters/autodiscover/query.h"
#include "filters/autodiscover/request.h"

namespace eg::filters::autodiscover {

struct Answer {
    std::uint16_t status = 200;
    std::string_view type;  // Content-Type, static
    std::string body;
};

/// Version 1 ([MS-ASCMD] 2.2.1.1): always 200, as Exchange does; errors stand in the document, 600
/// for what is no request (a GET too), 601 for the schemas of others. `base_url`: of the gate, with
/// no slash at the end. The address is repeated where the schema has a place for it, escaped.
[[nodiscard]] Answer answer_xml(Asked asked, std::string_view address, std::string_view base_url);

/// Version 2: 200 for ActiveSync and an address, else 400 with Microsoft's error codes.
[[nodiscard]] Answer answer_json(const Query& query, std::string_view base_url);

}  // namespace eg::filters::autodiscover
