/// The one line that a transaction leaves in the log.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/ip.h"
#include "proxy/base/units.h"

namespace eg::log {

/// Filled on the way, written once at the end. Texts are as sent; escaping is the writer's work.
struct AccessRecord {
    WallTime begin;
    std::string_view instance;    // outlives the record
    std::string_view request_id;  // the transaction's own memory
    IpAddress client;
    std::string_view user;
    std::string_view device_id;
    std::string_view device_type;
    std::string_view command;
    std::string_view protocol;  // "14.1", "" if not said
    std::string_view user_agent;
    bool allowed = false;
    std::string_view reason;  // static text
    unsigned status = 0;      // 0 = no answer was sent
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::chrono::microseconds total{};
    std::chrono::microseconds upstream{};  // from the head sent to the head of the answer; 0 = none
};

enum class Format : std::uint8_t { text, json };

/// Appends the line with its newline. Order and names: docs/logs.md. Client bytes are escaped:
/// neither a quote nor a line end nor a control byte nor invalid UTF-8 gets through. Empty values
/// are `-` in text.
void append_access_line(std::string& out, const AccessRecord& record, std::string_view node,
                        Format format);

}  // namespace eg::log
