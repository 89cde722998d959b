#include "proxy/commands/request_text.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include <fmt/format.h>

#include "proxy/base/text.h"

namespace eg::commands {
namespace {

constexpr std::size_t kMostBytes = std::size_t{128} * 1024;
constexpr std::string_view kEnd = "\r\n\r\n";

struct FileClose {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

std::expected<std::string, std::string> read_small(const std::string& path) {
    const std::unique_ptr<std::FILE, FileClose> file(std::fopen(path.c_str(), "rb"));
    if (file == nullptr) {
        return std::unexpected(fmt::format("can't read {}: {}", path, std::strerror(errno)));
    }
    std::string bytes(kMostBytes + 1, '\0');
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
    if (std::ferror(file.get()) != 0) {
        return std::unexpected(fmt::format("can't read {}", path));
    }
    if (bytes.size() > kMostBytes) {
        return std::unexpected(fmt::format("{} is larger than a request head may be", path));
    }
    return bytes;
}

void use_http_line_ends(std::string& text) {
    if (text.find('\r') != std::string::npos) {
        return;  // whoever wrote it knows what a line end is
    }
    std::string mended;
    for (const char c : text) {
        mended += c == '\n' ? "\r\n" : std::string(1, c);
    }
    text = std::move(mended);
}

bool names_host(std::string_view line) {
    return istarts_with(line, "host:");
}

}  // namespace

std::expected<std::string, std::string> request_text(const std::string& request,
                                                     const std::vector<std::string>& headers) {
    std::string head = request;
    std::string body;
    bool needs_host = std::ranges::none_of(headers, names_host);
    if (request.starts_with('@')) {
        auto read = read_small(request.substr(1));
        if (!read) {
            return std::unexpected(read.error());
        }
        head = std::move(*read);
        use_http_line_ends(head);
        if (const std::size_t end = head.find(kEnd); end != std::string::npos) {
            body = head.substr(end + kEnd.size());
            head.resize(end);
        }
        needs_host = false;
    }
    while (head.ends_with("\r\n")) {
        head.resize(head.size() - 2);
    }
    if (needs_host) {
        head += "\r\nHost: localhost";
    }
    for (const std::string& header : headers) {
        head += "\r\n" + header;
    }
    return head + std::string(kEnd) + body;
}

}  // namespace eg::commands
