#include "proxy/log/access.h"

#include <array>

#include "proxy/base/decimal.h"
#include "proxy/log/escape.h"
#include "proxy/log/stamp.h"

namespace eg::log {
namespace {

/// Rounded up, so that 0 means that it didn't happen.
std::uint64_t whole_milliseconds(std::chrono::microseconds duration) {
    return duration.count() <= 0 ? 0 : (static_cast<std::uint64_t>(duration.count()) + 999) / 1000;
}

void append_address(std::string& out, const IpAddress& address) {
    std::array<char, IpAddress::kTextBytes> text;
    out.append(address.write(text));
}

std::string_view verdict_word(const AccessRecord& record) {
    return record.allowed ? "allow" : "refuse";
}

void append_text_line(std::string& out, const AccessRecord& record, std::string_view node) {
    const auto word = [&out](std::string_view value) {
        out.push_back(' ');
        append_word(out, value);
    };
    const auto number = [&out](std::uint64_t value) {
        out.push_back(' ');
        append_decimal(out, value);
    };
    append_stamp(out, record.begin + record.total);
    out.append(" access");
    word(node);
    word(record.instance);
    word(record.request_id);
    out.push_back(' ');
    append_address(out, record.client);
    word(record.user);
    word(record.device_id);
    word(record.device_type);
    word(record.command);
    word(record.protocol);
    out.push_back(' ');
    append_quoted(out, record.user_agent);
    out.append(record.allowed ? " allow" : " refuse");
    word(record.reason);
    number(record.status);
    number(record.bytes_in);
    number(record.bytes_out);
    number(whole_milliseconds(record.total));
    number(whole_milliseconds(record.upstream));
    out.push_back('\n');
}

void append_json_line(std::string& out, const AccessRecord& record, std::string_view node) {
    const auto text = [&out](std::string_view key, std::string_view value) {
        out.append(key);
        append_json_string(out, value);
    };
    const auto number = [&out](std::string_view key, std::uint64_t value) {
        out.append(key);
        append_decimal(out, value);
    };
    out.append(R"({"time":")");
    append_stamp(out, record.begin + record.total);
    text(R"(","kind":"access","node":)", node);
    text(R"(,"instance":)", record.instance);
    text(R"(,"request_id":)", record.request_id);
    out.append(R"(,"client":")");
    append_address(out, record.client);
    text(R"(","user":)", record.user);
    text(R"(,"device_id":)", record.device_id);
    text(R"(,"device_type":)", record.device_type);
    text(R"(,"command":)", record.command);
    text(R"(,"protocol":)", record.protocol);
    text(R"(,"user_agent":)", record.user_agent);
    text(R"(,"verdict":)", verdict_word(record));
    text(R"(,"reason":)", record.reason);
    number(R"(,"status":)", record.status);
    number(R"(,"bytes_in":)", record.bytes_in);
    number(R"(,"bytes_out":)", record.bytes_out);
    number(R"(,"total_ms":)", whole_milliseconds(record.total));
    number(R"(,"upstream_ms":)", whole_milliseconds(record.upstream));
    out.append("}\n");
}

}  // namespace

void append_access_line(std::string& out, const AccessRecord& record, std::string_view node,
                        Format format) {
    if (format == Format::json) {
        append_json_line(out, record, node);
    } else {
        append_text_line(out, record, node);
    }
}

}  // namespace eg::log
