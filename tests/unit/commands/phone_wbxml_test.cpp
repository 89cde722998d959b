#include "proxy/commands/phone_wbxml.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "proxy/commands/phone_documents.h"

using namespace eg;
using namespace eg::commands;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view kHead = "\x03\x01\x6a\x00"sv;

std::string document(std::string_view body) {
    return std::string(kHead) + std::string(body);
}

}  // namespace

TEST_CASE("a document is written as [MS-ASWBXML] lays it out") {
    WbxmlWriter writer;
    writer.open(folder::kFolderSync).text(folder::kSyncKey, "0").close();
    CHECK(writer.finish() == document("\x00\x07\x56\x52\x03\x30\x00\x01\x01"sv));
}

TEST_CASE("the page is switched only where it changes") {
    WbxmlWriter writer;
    writer.open({0, 5}).empty({17, 6}).empty({17, 7}).empty({0, 9}).close();
    CHECK(writer.finish() == document("\x45\x00\x11\x06\x07\x00\x00\x09\x01"sv));
}

TEST_CASE("opaque bytes carry their length in groups of seven bits") {
    for (const auto& [size, length] : {std::pair{0u, "\x00"sv},
                                       {1u, "\x01"sv},
                                       {127u, "\x7f"sv},
                                       {128u, "\x81\x00"sv},
                                       {16384u, "\x81\x80\x00"sv}}) {
        CAPTURE(size);
        const std::string bytes(size, '\0');
        WbxmlWriter writer;
        writer.open({21, 5}).opaque(compose::kMime, bytes).close();
        const std::string written = writer.finish();
        CHECK(written ==
              document("\x00\x15\x45\x50\xc3"sv) + std::string(length) + bytes + "\x01\x01");
        const Result<WbxmlElement> read = read_wbxml(written);
        REQUIRE(read.has_value());
        CHECK(read->value({compose::kMime}) == bytes);
    }
}

TEST_CASE("an answer is read into a tree") {
    // The FolderSync answer of status 142 that [MS-ASPROV] 4.1 publishes.
    const Result<WbxmlElement> root =
        read_wbxml(document("\x00\x07\x56\x4c\x03\x31\x34\x32\x00\x01\x01"sv));
    REQUIRE(root.has_value());
    CHECK(root->tag == folder::kFolderSync);
    CHECK(root->value({folder::kStatus}) == "142");
    CHECK(root->find({folder::kChanges}) == nullptr);
    CHECK(root->value({folder::kChanges, folder::kAdd}) == "");
}

TEST_CASE("elements without content, unknown tokens and split texts are read") {
    const Result<WbxmlElement> root =
        read_wbxml(document("\x45\x05\x00\x63\x7f\x03\x61\x00\x03\x62\x00\x01\x01"sv));
    REQUIRE(root.has_value());
    REQUIRE(root->children.size() == 2);
    CHECK(root->children[0].tag == airsync::kSync);
    CHECK(root->children[1].tag == WbxmlTag{0x63, 0x3f});
    CHECK(root->children[1].content == "ab");
}

TEST_CASE("what is broken, or never used by ActiveSync, is refused") {
    for (const std::string_view body : {
             ""sv,                                  // no root
             "\x01"sv,                              // an end without an element
             "\x45"sv,                              // no end
             "\x45\x00"sv,                          // a page cut off
             "\x05\x05"sv,                          // two roots
             "\x05\x01"sv,                          // bytes after the root
             "\x03\x61\x00\x05"sv,                  // text before the root
             "\x45\x03\x61"sv,                      // text without an end
             "\x45\xc3\x02\x61"sv,                  // opaque bytes cut off
             "\x45\xc3\xff\xff\xff\xff\x7f"sv,      // a length far beyond the document
             "\x45\xc3\x80\x80\x80\x80\x80\x01"sv,  // a length of six bytes
             "\xc5\x01"sv,                          // attributes
             "\x45\x02\x20\x01"sv,                  // entity
             "\x45\x83\x00\x01"sv,                  // string table
             "\x45\x04\x00\x01"sv,                  // literal
         }) {
        CAPTURE(body);
        CHECK_FALSE(read_wbxml(document(body)).has_value());
    }
    CHECK_FALSE(read_wbxml("").has_value());
    CHECK_FALSE(read_wbxml("\x03\x01\x6a"sv).has_value());
    CHECK_FALSE(read_wbxml("\x03\x01\x04\x00\x05"sv).has_value());
}

TEST_CASE("depth and number of elements have a limit") {
    const std::string deepest =
        std::string(kWbxmlDepthMax, '\x45') + std::string(kWbxmlDepthMax, '\x01');
    CHECK(read_wbxml(document(deepest)).has_value());
    const Result<WbxmlElement> deeper = read_wbxml(document("\x45" + deepest + "\x01"));
    REQUIRE_FALSE(deeper.has_value());
    CHECK(deeper.error().code == ErrorCode::too_large);
    const std::string most = "\x45" + std::string(kWbxmlElementsMax - 1, '\x05') + "\x01";
    CHECK(read_wbxml(document(most)).has_value());
    CHECK_FALSE(read_wbxml(document("\x45\x05" + most.substr(1))).has_value());
}

TEST_CASE("every beginning of a document is refused, and none is read beyond its end") {
    const std::string whole = sync_request("12", "folder");
    REQUIRE(read_wbxml(whole).has_value());
    for (std::size_t length = 0; length < whole.size(); ++length) {
        CAPTURE(length);
        CHECK_FALSE(read_wbxml(std::string_view(whole).substr(0, length)).has_value());
    }
}
