#include "filters/eas/root.h"

#include <filesystem>

#include <doctest/doctest.h>

#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters::eas;
using test::from_hex;

namespace {

RootCheck check(Command command, std::string_view hex) {
    return check_root(command, from_hex(hex));
}

}  // namespace

TEST_CASE("the root of a document is its command") {
    CHECK(check(Command::folder_sync, "03016a00000756520330000101") == RootCheck::matches);
    CHECK(check(Command::ping, "03016a00000756520330000101") == RootCheck::differs);
    CHECK(check(Command::sync, "03016a00455c4f4b0330") == RootCheck::matches);
    CHECK(check(Command::sync, "03016a0005") == RootCheck::matches);      // without content
    CHECK(check(Command::sync, "03016a00000045") == RootCheck::matches);  // page 0, said
    CHECK(check(Command::sync, "03016a0000070e00000005") == RootCheck::differs);
    CHECK(check(Command::provision, "03016a00000e05") == RootCheck::matches);
    CHECK(check(Command::sync, "03016a00000e45") == RootCheck::differs);  // token 5 of another page
    CHECK(check(Command::find, "03016a00000700190019000045") == RootCheck::differs);
    CHECK(check(Command::find, "03016a000007001945") ==
          RootCheck::matches);  // the last page counts
    CHECK(check(Command::get_attachment, "03016a0045") == RootCheck::differs);
    CHECK(check(Command::none, "03016a0045") == RootCheck::differs);
}

TEST_CASE("too few bytes, and enough of them") {
    const std::string document = from_hex("03016a000007565203");
    for (std::size_t size = 0; size < 7; ++size) {
        CAPTURE(size);
        CHECK(check_root(Command::folder_sync, document.substr(0, size)) == RootCheck::need_more);
    }
    CHECK(check_root(Command::folder_sync, document.substr(0, 7)) == RootCheck::matches);
    // Switches of page up to the last byte that counts: no more bytes are asked for.
    CHECK(check(Command::sync, "03016a00000000000000000000000000") == RootCheck::not_wbxml);
    CHECK(check(Command::sync, "03016a0000000000000000000000000045") == RootCheck::not_wbxml);
    CHECK(check(Command::sync, "03016a000000000000000000000000") == RootCheck::need_more);
    CHECK(check(Command::sync, "03016a00000000000000000045") == RootCheck::matches);
}

TEST_CASE("what doesn't begin like a document of ActiveSync") {
    for (const char* hex :
         {"02016a00455c", "09016a00455c", "03020000455c", "03010300455c", "03016a05666f6f6f0000",
          "03016a0001", "03016a000340", "03016a0043", "03016a0004", "03016a0002", "03016a0044",
          "03016a0040", "03016a0080", "03016a00c5", "03016a0000078556", "3c3f786d6c", "00", "ff"}) {
        CAPTURE(hex);
        CHECK(check(Command::sync, hex) == RootCheck::not_wbxml);
    }
}

TEST_CASE("every document that was published, recorded or made has the root in its name") {
    int count = 0;
    for (const auto& file : std::filesystem::directory_iterator(test::eas_data("wbxml"))) {
        const std::string name = file.path().stem().string();
        CAPTURE(name);
        ++count;
        const std::string start = from_hex(test::read_all(file.path()));
        std::string found;
        for (const CommandFacts& facts : all_commands()) {
            const RootCheck outcome = check_root(facts.command, start);
            CHECK((outcome == RootCheck::matches || outcome == RootCheck::differs));
            if (outcome == RootCheck::matches) {
                CHECK(found.empty());
                found = facts.name;
            }
        }
        CHECK_FALSE(found.empty());
        // w01_foldersync_req, w52_cap_sogo_sync_items_resp, w23_sendmail_smime_enveloped …
        const bool wipe = name.find("wipe") != std::string::npos;
        const bool other = name.starts_with("w39") || name.starts_with("w40");
        CHECK((other || name.find(wipe ? "wipe" : lower(found)) != std::string::npos));
        CHECK((!wipe || found == "Provision"));
    }
    CHECK(count == 47);
}

TEST_CASE("documents that must be refused for how they begin") {
    // The others on the list are wrong further in, where only the mail server reads.
    const std::string_view refused =
        "x03_bad_version x04_bad_charset x05_string_table x08_attribute_bit x09_literal x10_pi "
        "x16_unknown_page x17_unknown_token x23_text_outside_root x25_root_wrong_for_cmd";
    int count = 0;
    for (const auto& row : test::read_tsv("wbxml_invalid.tsv")) {
        if (refused.find(row.at(0)) == std::string_view::npos) {
            continue;
        }
        CAPTURE(row.at(0));
        ++count;
        for (const Command command : {Command::ping, Command::find, Command::sync}) {
            const RootCheck outcome = check(command, row.at(1));
            CHECK((outcome == RootCheck::not_wbxml || outcome == RootCheck::differs));
        }
    }
    CHECK(count == 10);
}

TEST_CASE("mail up to 12.1 has no root; WBXML in its place does") {
    EasRequest request;
    request.command = Command::send_mail;
    const std::string mail = "From: alice@example.test\r\n";
    const std::string wbxml = from_hex("03016a0000154551");
    const std::string other = from_hex("03016a00000756");
    for (const unsigned version : {0U, 25U, 120U, 121U}) {
        CAPTURE(version);
        request.protocol_version = static_cast<std::uint16_t>(version);
        CHECK(check_body_start(request, mail) == RootCheck::matches);
        CHECK(check_body_start(request, "F") == RootCheck::matches);
        CHECK(check_body_start(request, wbxml) == RootCheck::matches);
        CHECK(check_body_start(request, other) == RootCheck::differs);
        CHECK(check_body_start(request, "") == RootCheck::need_more);
    }
    for (const unsigned version : {140U, 141U, 160U, 161U}) {
        CAPTURE(version);
        request.protocol_version = static_cast<std::uint16_t>(version);
        CHECK(check_body_start(request, mail) == RootCheck::not_wbxml);
        CHECK(check_body_start(request, wbxml) == RootCheck::matches);
    }
    request.command = Command::sync;
    request.protocol_version = 121;
    CHECK(check_body_start(request, mail) == RootCheck::not_wbxml);
}
