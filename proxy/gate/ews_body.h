/// The body of an EWS request while it is judged: it stays in the connection's buffer, from where
/// it is sent on unchanged.
#pragma once

#include <cstddef>

#include "filters/ews/soap.h"
#include "proxy/http/framing.h"

namespace eg::gate {

struct EwsBody {
    filters::ews::SoapJudge judge;
    http::BodyReader reader;
    std::size_t consumed = 0;  // of the buffer, framing included
    std::size_t bytes = 0;     // of the body itself
    unsigned pieces = 0;       // looked at
};

}  // namespace eg::gate
