// The reader and the writer of binary XML: what one reads the other writes, to the byte.

#include "filters/eas/wbxml_reader.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "filters/eas/wbxml_writer.h"
#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters::eas;
using Kind = WbxmlReader::Kind;
using test::from_hex;

namespace {

/// The events of a document as a line, or `error: …`; it is given in pieces of `step` bytes.
std::string events(std::string_view document, std::size_t step = 1U << 20U,
                   const WbxmlLimits& limits = {}) {
    WbxmlReader reader(limits);
    std::string line;
    std::size_t at = 0;
    std::size_t given = 0;
    while (true) {
        const auto event = reader.next(document.substr(at, given - at));
        if (!event) {
            return fmt::format("error: {}", event.error().what);
        }
        at += event->consumed;
        CHECK(at <= given);
        CHECK(reader.offset() == at);
        switch (event->kind) {
            case Kind::need_more:
                CHECK(at == given);
                if (given == document.size()) {
                    CHECK_FALSE(reader.done());
                    return line + "…";
                }
                given = std::min(given + step, document.size());
                break;
            case Kind::open:
                line += fmt::format("<{}{}", name_of(event->tag), event->has_content ? "" : "/");
                break;
            case Kind::close:
                line += '>';
                break;
            case Kind::text:
            case Kind::opaque:
                line += event->data;
                line += !event->last ? "" : event->kind == Kind::text ? ";" : "!";
                break;
            case Kind::end:
                CHECK(reader.done());
                if (given < document.size()) {
                    given = document.size();
                    break;
                }
                return line;
        }
    }
}

/// The document once more, from its events. Nothing where it isn't one, or where an element says
/// that content follows, and none does (the writer never says so).
std::optional<std::string> again(std::string_view document) {
    WbxmlReader reader;
    std::string out;
    WbxmlWriter writer(out);
    std::string value;
    while (true) {
        const auto event = reader.next(document);
        if (!event || event->kind == Kind::need_more) {
            return std::nullopt;
        }
        document.remove_prefix(event->consumed);
        switch (event->kind) {
            case Kind::open:
                event->has_content ? writer.open(event->tag) : writer.empty(event->tag);
                if (!event->has_content) {
                    CHECK(reader.next(document)->kind == Kind::close);
                }
                break;
            case Kind::close:
                writer.close();
                break;
            case Kind::text:
            case Kind::opaque:
                value += event->data;
                if (event->last) {
                    event->kind == Kind::text ? writer.text(value) : writer.opaque(value);
                    value.clear();
                }
                break;
            case Kind::end:
                CHECK(writer.depth() == 0);
                return out;
            case Kind::need_more:
                break;
        }
    }
}

/// The body of a recorded message; of an answer in parts, its document.
std::string recorded(const std::filesystem::path& file) {
    const std::string message = test::read_all(file);
    const std::size_t end = message.find("\r\n\r\n");
    std::string body = message.substr(end + 4);
    if (message.find("vnd.ms-sync.multipart") < end && body.substr(0, 2) != "\x03\x01") {
        const auto number = [&](std::size_t at) {
            return static_cast<std::size_t>(static_cast<unsigned char>(body[at])) |
                   static_cast<std::size_t>(static_cast<unsigned char>(body[at + 1])) << 8U;
        };
        body = body.substr(number(4), number(8));
    }
    return body;
}

}  // namespace

TEST_CASE("every document that was published or made is read and written to the byte") {
    int count = 0;
    for (const auto& file : std::filesystem::directory_iterator(test::eas_data("wbxml"))) {
        CAPTURE(file.path().stem().string());
        const std::string document = from_hex(test::read_all(file.path()));
        const std::string whole = events(document);
        CHECK(whole.find("error") == std::string::npos);
        CHECK(whole.find("…") == std::string::npos);
        CHECK(again(document) == document);
        for (const std::size_t step : {1U, 2U, 3U, 7U, 64U}) {
            CHECK(events(document, step) == whole);
        }
        ++count;
    }
    CHECK(count == 47);
}

TEST_CASE("so is every document that was recorded") {
    int count = 0;
    for (const auto& file : std::filesystem::directory_iterator(test::eas_data("captures"))) {
        const std::string name = file.path().filename().string();
        CAPTURE(name);
        const std::string document = recorded(file.path());
        if (document.substr(0, 2) != "\x03\x01") {
            continue;
        }
        if (name.find("bad_wbxml") != std::string::npos) {
            CHECK_FALSE(again(document));
            continue;
        }
        ++count;
        CHECK(again(document) == document);
    }
    CHECK(count >= 55);
}

TEST_CASE("what must be refused is refused") {
    int count = 0;
    for (const auto& row : test::read_tsv("wbxml_invalid.tsv")) {
        CAPTURE(row.at(0));
        ++count;
        const std::string document = from_hex(row.at(1));
        const bool fine = row.at(0) == "x25_root_wrong_for_cmd";  // a document of another command
        CHECK(again(document).has_value() == fine);
        CHECK(events(document, 1) == events(document));
    }
    CHECK(count == 25);
}

TEST_CASE("events") {
    CHECK(events(from_hex("03016a00000756520330000101")) == "<FolderSync<SyncKey0;>>");
    CHECK(events(from_hex("03016a00000e05")) == "<Provision/>");
    CHECK(events(from_hex("03016a000007565203000101")) == "<FolderSync<SyncKey;>>");
    CHECK(events(from_hex("03016a00001545 50c3020001 0101")) ==
          std::string("<SendMail<Mime\0\1!>>", 19));
    CHECK(events(from_hex("03016a00001545 50c300 0101")) == "<SendMail<Mime!>>");
    CHECK(events(from_hex("03016a00001545 50c380800141 0101")) == "<SendMail<MimeA!>>");
    CHECK(events(from_hex("03016a0000077f01")) == "error: a tag that its code page doesn't have");
    CHECK(events(from_hex("03016a0045 01 0000")) ==
          "error: there are bytes after the root element");
    CHECK(events("") == "…");
    CHECK(events(from_hex("0301")) == "…");
}

TEST_CASE("an element holds children or one value") {
    const char* const kBoth = "error: an element with both a value and children";
    CHECK(events(from_hex("03016a00000756 5201 0330000101")).starts_with(kBoth));
    CHECK(events(from_hex("03016a00000756 033000 5201 01")).starts_with(kBoth));
    CHECK(events(from_hex("03016a00000756 52 033000 033000 01 01")).starts_with(kBoth));
    CHECK(events(from_hex("03016a00000756 52 033000 c30130 01 01")).starts_with(kBoth));
    CHECK(events(from_hex("03016a00000756 5201 12 5201 01")) ==
          "<FolderSync<SyncKey><SyncKey/><SyncKey>>");
}

TEST_CASE("a text is UTF-8, wherever it is cut") {
    struct Row {
        const char* hex;
        bool fine;
    };
    for (const Row& row : std::initializer_list<Row>{
             {"61", true},        {"c3a4", true},    {"e282ac", true},    {"f09f9880", true},
             {"f48fbfbf", true},  {"ed9fbf", true},  {"ee8080", true},    {"80", false},
             {"c0af", false},     {"c1bf", false},   {"c3", false},       {"e080af", false},
             {"e282", false},     {"eda080", false}, {"f0808080", false}, {"f4908080", false},
             {"f5808080", false}, {"ff", false},     {"c3c3a4", false},   {"e28261", false}}) {
        CAPTURE(row.hex);
        const std::string document =
            from_hex(std::string("03016a0000075652 03") + row.hex + "00 0101");
        CHECK(again(document).has_value() == row.fine);
        CHECK(is_utf8(from_hex(row.hex)) == row.fine);
        CHECK(events(document, 1) == events(document));
    }
}

TEST_CASE("limits") {
    std::string deep(kWbxmlHeader);
    for (std::size_t i = 0; i < kWbxmlDeepest; ++i) {
        deep += '\x45';
    }
    const std::string ends(kWbxmlDeepest, '\x01');
    CHECK(events(deep + ends).find("error") == std::string::npos);
    CHECK(events(deep + "\x05" + ends) == "error: elements are nested too deep");
    CHECK(events(deep + ends, 64, {.depth = 15}) == "error: elements are nested too deep");
    CHECK(events(from_hex("03016a0045 05 05 01"), 64, {.elements = 2}) ==
          "error: there are too many elements");
    CHECK(events(from_hex("03016a0045 05 05 01"), 64, {.bytes = 8}) == "<Sync<Sync/><Sync/>>");
    CHECK(events(from_hex("03016a0045 05 05 01"), 64, {.bytes = 7}) ==
          "error: the document is too long");
    // Nobody waits for what can't be taken.
    CHECK(events(from_hex("03016a00001545 50c3 8f ff ff ff 7f")) ==
          "error: opaque bytes that are longer than a document may be");
    CHECK(sizeof(WbxmlReader) <= 160);
}

TEST_CASE("what only passes by may have tags that nobody knows") {
    const WbxmlLimits any{.known_tags = false};
    CHECK(events(from_hex("03016a00 0099 ff 01"), 64, any) ==
          "error: a token that ActiveSync never uses");
    CHECK(events(from_hex("03016a00 0099 7f 033000 01"), 64, any) == "<0;>");
    CHECK(events(from_hex("03016a00 0099 7f 033000 01")) ==
          "error: a code page that doesn't exist");
}

TEST_CASE("a page is switched where it changes, and not else") {
    // Switches that say nothing new are read, and not written again.
    const std::string wordy = from_hex("03016a00 0000 45 0011 0000 45 01 0012 0000 01");
    CHECK(events(wordy) == "<Sync<Sync>>");
    CHECK(again(wordy) == from_hex("03016a00454501 01"));
}

TEST_CASE("long opaque bytes") {
    for (const std::size_t size : {0UL, 1UL, 127UL, 128UL, 16383UL, 16384UL, 2097152UL}) {
        std::string document;
        const std::string bytes(size, '\x01');
        WbxmlWriter writer(document);
        writer.open({.page = 21, .token = 5}).open({.page = 21, .token = 0x10});
        writer.opaque(bytes).close().close();
        CHECK(again(document) == document);
    }
}
