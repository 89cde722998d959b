#include "proxy/log/access.h"

#include <algorithm>
#include <array>

#include "proxy/base/decimal.h"
#include "proxy/log/plain_line.h"
#include "proxy/log/stamp.h"

namespace eg::log {
namespace {

/// Rounded up, so that 0 means that it didn't happen.
std::uint64_t whole_milliseconds(std::chrono::microseconds duration) {
    return duration.count() <= 0 ? 0 : (static_cast<std::uint64_t>(duration.count()) + 999) / 1000;
}

std::string_view verdict_word(const AccessRecord& record) {
    return record.allowed ? "allow" : "refuse";
}

/// What is written in one way only: nothing in it needs escaping.
struct Written {
    explicit Written(const AccessRecord& record)
        : time(stamp.data(), write_stamp(stamp.data(), record.begin + record.total)),
          client(record.client.write(address)) {}
    Written(const Written&) = delete;
    Written& operator=(const Written&) = delete;

    std::array<char, kStampLength> stamp;
    std::array<char, IpAddress::kTextBytes> address;
    std::string_view time;
    std::string_view client;
};

template <typename Line>
void compose_text(Line& line, const AccessRecord& record, std::string_view node,
                  const Written& written) {
    const auto word = [&line](std::string_view value) {
        line.raw(" ");
        line.template value<Style::word>(value);
    };
    const auto number = [&line](std::uint64_t value) {
        line.raw(" ");
        line.number(value);
    };
    line.raw(written.time);
    line.raw(" access");
    word(node);
    word(record.instance);
    word(record.request_id);
    line.raw(" ");
    line.raw(written.client);
    word(record.user);
    word(record.device_id);
    word(record.device_type);
    word(record.command);
    word(record.protocol);
    line.raw(" ");
    line.template value<Style::quoted>(record.user_agent);
    line.raw(" ");
    line.raw(verdict_word(record));
    word(record.reason);
    number(record.status);
    number(record.bytes_in);
    number(record.bytes_out);
    number(whole_milliseconds(record.total));
    number(whole_milliseconds(record.upstream));
    line.raw("\n");
}

template <typename Line>
void compose_json(Line& line, const AccessRecord& record, std::string_view node,
                  const Written& written) {
    const auto text = [&line](std::string_view key, std::string_view value) {
        line.raw(key);
        line.template value<Style::json>(value);
    };
    const auto number = [&line](std::string_view key, std::uint64_t value) {
        line.raw(key);
        line.number(value);
    };
    line.raw(R"({"time":")");
    line.raw(written.time);
    text(R"(","kind":"access","node":)", node);
    text(R"(,"instance":)", record.instance);
    text(R"(,"request_id":)", record.request_id);
    line.raw(R"(,"client":")");
    line.raw(written.client);
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
    line.raw("}\n");
}

template <typename Line>
void compose(Line& line, const AccessRecord& record, std::string_view node, Format format,
             const Written& written) {
    if (format == Format::json) {
        compose_json(line, record, node, written);
    } else {
        compose_text(line, record, node, written);
    }
}

/// All that strangers choose the length of, and the node.
std::size_t size_of_values(const AccessRecord& record, std::string_view node) {
    std::size_t size = node.size();
    for (const std::string_view value :
         {record.instance, record.request_id, record.user, record.device_id, record.device_type,
          record.command, record.protocol, record.user_agent, record.reason}) {
        size += std::min(value.size(), kMostValueBytes);
    }
    return size;
}

}  // namespace

void append_access_line(std::string& out, const AccessRecord& record, std::string_view node,
                        Format format) {
    const Written written(record);
    const std::size_t before = out.size();
    const std::size_t most = before + size_of_values(record, node) + PlainLine::kRoom;
    bool plain = true;
    out.resize_and_overwrite(most, [&](char* memory, std::size_t) {
        PlainLine line(memory + before);
        compose(line, record, node, format, written);
        plain = line.plain();
        return plain ? static_cast<std::size_t>(line.end() - memory) : before;
    });
    if (!plain) {
        EscapedLine line(out);
        compose(line, record, node, format, written);
    }
}

}  // namespace eg::log
