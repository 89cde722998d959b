// Properties: percent-encoding is undone by decoding; a plain path has one reading, however it is
// read.

#include <array>
#include <filesystem>
#include <string>

#include "proxy/http/parse.h"
#include "proxy/http/target.h"
#include "proxy/http/write.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace eg;

// The path as a reader sees it who decodes, folds slashes and resolves dots.
void check_plain(const std::string& path) {
    EG_CHECK(http::percent_decode(path) == path);
    EG_CHECK(path.find("//") == std::string::npos);
    EG_CHECK(std::filesystem::path(path).lexically_normal().string() == path);
}

// What the writer takes is what the parser gives back, or is refused; never something else.
void write_and_read(std::string_view path, bool has_query, std::string_view query) {
    std::array<char, 8192> memory{};
    http::HeadWriter writer(memory);
    writer.request_line("POST", path, has_query, query);
    writer.field("Host", "mail.example.com");
    writer.end();
    if (writer.failed()) {
        return;
    }
    http::HeadScan scan;
    http::RequestHead head;
    const auto taken = http::parse_request_head(writer.written(), {}, scan, head);
    if (path.starts_with('/')) {
        EG_CHECK(taken.has_value() && *taken == writer.written().size());
        EG_CHECK(head.path == path && head.has_query == has_query && head.query == query);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(eg::fuzz::as_text(data, size));
    const std::string encoded = http::percent_encode(text);
    EG_CHECK(http::percent_decode(encoded) == text);
    if (const auto decoded = http::percent_decode(text)) {
        EG_CHECK(decoded->size() <= text.size());
        EG_CHECK(http::percent_decode(http::percent_encode(*decoded)) == decoded);
    }
    if (http::is_plain_path(text)) {
        check_plain(text);
    }
    const std::size_t mark = text.find('?');
    const bool has_query = mark != std::string::npos;
    write_and_read(std::string_view(text).substr(0, mark), has_query,
                   has_query ? std::string_view(text).substr(mark + 1) : std::string_view());
    return 0;
}
