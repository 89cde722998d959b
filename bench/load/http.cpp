#include "bench/load/http.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "proxy/base/text.h"

namespace eg::bench {

namespace {

std::uint64_t number_after(std::string_view line, std::size_t skip) {
    line.remove_prefix(skip);
    while (line.starts_with(' ')) {
        line.remove_prefix(1);
    }
    std::uint64_t value = 0;
    std::from_chars(line.data(), line.data() + line.size(), value);
    return value;
}

}  // namespace

std::optional<Head> read_head(std::string_view input) {
    const std::size_t end = input.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    Head head{.bytes = end + 4};
    std::string_view rest = input.substr(0, end + 2);
    const std::string_view first = rest.substr(0, rest.find("\r\n"));
    if (first.starts_with("HTTP/1.")) {
        head.status = static_cast<int>(number_after(first, 9));
    } else {
        head.holds = first.find("Cmd=Ping&") != std::string_view::npos;
        head.asks_permission = first.find(" /permission") != std::string_view::npos;
    }
    while (!rest.empty()) {
        const std::size_t line_end = rest.find("\r\n");
        const std::string_view line = rest.substr(0, line_end);
        // The letter is looked at first: the bench pays for each comparison, too.
        if ((line.starts_with('C') || line.starts_with('c')) &&
            istarts_with(line, "content-length:")) {
            head.length = number_after(line, 15);
        } else if ((line.starts_with('X') || line.starts_with('x')) &&
                   istarts_with(line, "x-bench-answer:")) {
            head.answer_bytes = number_after(line, 15);
        }
        rest.remove_prefix(line_end + 2);
    }
    return head;
}

std::string device_id(std::uint64_t number) {
    // Spread, so that neighbours in number are not neighbours in the text.
    return fmt::format("APPL{:012X}{:016X}", number, number * 0x9E3779B97F4A7C15U);
}

std::string request_head(const RequestKind& kind, std::uint64_t device) {
    return fmt::format(
        "POST /Microsoft-Server-ActiveSync?Cmd={}&User=user{:07}&DeviceId={}&DeviceType=iPhone "
        "HTTP/1.1\r\n"
        "Host: mail.example.com\r\n"
        "Content-Type: application/vnd.ms-sync.wbxml\r\n"
        "MS-ASProtocolVersion: 14.1\r\n"
        "Accept: */*\r\n"
        "Authorization: Basic {}\r\n"
        "X-MS-PolicyKey: 2891034567\r\n"
        "Accept-Language: en-us\r\n"
        "Accept-Encoding: gzip, deflate\r\n"
        "User-Agent: Apple-iPhone14C2/2002.55\r\n"
        "X-Bench-Answer: {}\r\n"
        "Content-Length: {}\r\n"
        "\r\n",
        kind.command, device, device_id(device),
        base64_encode(fmt::format("user{:07}:Correct-Horse-9", device)), kind.answer_bytes,
        kind.body_bytes);
}

std::string request_body(std::string_view command, std::uint64_t bytes) {
    // Version 1.3, unknown public id, UTF-8, no string table; then the code page and the root
    // element with content ([MS-ASWBXML] 2.1.2.1).
    std::string body("\x03\x01\x6a\x00", 4);
    if (command == "Ping") {
        body += std::string("\x00\x0d\x45", 3);
    } else if (command == "SendMail") {
        body += std::string("\x00\x15\x45", 3);
    } else {
        body += "\x45";  // Sync, page 0
    }
    if (bytes != 0) {
        body.resize(std::max<std::size_t>(body.size(), bytes), '\x01');
    } else {
        body.clear();
    }
    return body;
}

}  // namespace eg::bench
