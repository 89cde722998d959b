#include <string>

#include <doctest/doctest.h>

#include "proxy/base/text.h"

using namespace eg;

TEST_CASE("base64, with the vectors of RFC 4648 10") {
    struct Row {
        std::string_view bytes;
        std::string_view text;
    };
    for (const Row& row : {
             Row{"", ""},
             Row{"f", "Zg=="},
             Row{"fo", "Zm8="},
             Row{"foo", "Zm9v"},
             Row{"foob", "Zm9vYg=="},
             Row{"fooba", "Zm9vYmE="},
             Row{"foobar", "Zm9vYmFy"},
             Row{"\xFB\xFF\xBF", "+/+/"},
             Row{std::string_view("\0\0", 2), "AAA="},
         }) {
        CAPTURE(row.text);
        CHECK(base64_encode(row.bytes) == row.text);
        CHECK(base64_decode(row.text) == row.bytes);
        const std::string_view bare = row.text.substr(0, row.text.find('='));
        CHECK(base64_decode(bare) == row.bytes);
    }
    CHECK(base64_decode("-_-_") == "\xFB\xFF\xBF");
    CHECK(base64_decode("-_-_") == base64_decode("+/+/"));
}

TEST_CASE("base64 that has another spelling or another reading is refused") {
    for (const std::string_view text : {
             std::string_view("Z"),        std::string_view("Zg="),    std::string_view("Zg==="),
             std::string_view("Zm8=="),    std::string_view("Zm9v="),  std::string_view("Zm9v=="),
             std::string_view("Zm9v===="), std::string_view("="),      std::string_view("=="),
             std::string_view("===="),     std::string_view("=Zg="),   std::string_view("Zg=g"),
             std::string_view("Zg==Zg=="), std::string_view("Zg== "),  std::string_view(" Zg=="),
             std::string_view("Zm 9v"),    std::string_view("Zm9v\n"), std::string_view("Zm\r\n9v"),
             std::string_view("Zm9*"),     std::string_view("Zm9,"),   std::string_view("Zm9\xC3"),
             std::string_view("Zm9\0", 4), std::string_view("+/-_"),   std::string_view("AA+_"),
             std::string_view("Zh=="),     std::string_view("Zg9="),   std::string_view("Zm9"),
             std::string_view("Zh"),       std::string_view("Zm9%3D"),
         }) {
        CAPTURE(text);
        CHECK_FALSE(base64_decode(text).has_value());
    }
}

TEST_CASE("all bytes survive base64 and show in hexadecimal") {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) {
        all += static_cast<char>(byte);
    }
    for (std::size_t size = 0; size < all.size(); ++size) {
        const std::string_view part = std::string_view(all).substr(size);
        CHECK(base64_decode(base64_encode(part)) == part);
    }
    CHECK(to_hex("") == "");
    CHECK(to_hex(std::string_view("\x00\x0F\xA5\xFF", 4)) == "000FA5FF");
}
