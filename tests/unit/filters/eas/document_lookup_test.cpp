#include "filters/eas/document_lookup.h"

#include <string>

#include <doctest/doctest.h>

#include "filters/eas/wbxml_reader.h"
#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters;
using eas::Command;
using eas::LookupJudge;

namespace {

Reason judge(Command command, std::string_view body, std::size_t piece = 1'000'000) {
    LookupJudge judge(command);
    for (std::size_t at = 0; at < body.size(); at += piece) {
        if (const Reason reason = judge.feed(body.substr(at, piece)); reason != Reason::none) {
            return reason;
        }
    }
    return judge.finish();
}

std::string hex(std::string_view digits) {
    return test::from_hex(digits);
}

/// An inline string.
std::string text(std::string_view value) {
    return "\x03" + std::string(value) + std::string(1, '\0');
}

std::string opaque(std::string_view value) {
    return "\xC3" + std::string(1, static_cast<char>(value.size())) + std::string(value);
}

/// Search, Store, Name; Query, FreeText.
std::string search(const std::string& name, const std::string& query = "") {
    return hex("03016A00 000F 45 47 48") + name + hex("01") + hex("49") + query + hex("55") +
           text("report") + hex("01 01 01 01");
}

/// ItemOperations, Fetch, Store; and what else stands in Fetch.
std::string fetch(const std::string& store, const std::string& more = "") {
    return hex("03016A00 0014 45 46 47") + store + hex("01") + more + hex("01 01");
}

struct Row {
    const char* about;
    Command command;
    std::string body;
    Reason reason;
};

}  // namespace

TEST_CASE("look-ups within the mailbox and the address list pass, others don't") {
    const std::string link = hex("0013 45") + text("\\\\files\\share") + hex("01 0014");
    const std::vector<Row> rows{
        {"an empty body", Command::search, "", Reason::none},
        {"the mailbox", Command::search, search(text("Mailbox")), Reason::none},
        {"the address list", Command::search, search(text("GAL")), Reason::none},
        {"in another letter case", Command::search, search(text("mailBOX")), Reason::none},
        {"as opaque bytes", Command::search, search(opaque("GAL")), Reason::none},
        {"documents", Command::search, search(text("DocumentLibrary")), Reason::document_lookup},
        {"documents in capitals", Command::search, search(text("DOCUMENTLIBRARY")),
         Reason::document_lookup},
        {"documents as opaque bytes", Command::search, search(opaque("DocumentLibrary")),
         Reason::document_lookup},
        {"a store with a blank", Command::search, search(text(" GAL")), Reason::document_lookup},
        {"a store with a NUL", Command::search, search(opaque(std::string_view("GAL\0", 4))),
         Reason::document_lookup},
        {"a store that begins well", Command::search, search(text("MailboxDocumentLibrary")),
         Reason::document_lookup},
        {"a store without a name", Command::search, search(text("")), Reason::document_lookup},
        {"a link in the mailbox", Command::search,
         search(text("Mailbox"), hex("0013 45") + text("\\\\a\\b") + hex("01 000F")),
         Reason::document_lookup},
        {"a mail", Command::item_operations, fetch(text("Mailbox")), Reason::none},
        {"a document", Command::item_operations, fetch(text("DocumentLibrary")),
         Reason::document_lookup},
        {"a link beside the mailbox", Command::item_operations, fetch(text("Mailbox"), link),
         Reason::document_lookup},
        {"an empty link", Command::item_operations, fetch(text("Mailbox"), hex("0013 05 0014")),
         Reason::document_lookup},
        {"a display name of documents", Command::item_operations,
         fetch(text("Mailbox"), hex("0013 46") + text("x") + hex("01 0014")),
         Reason::document_lookup},
        {"the root of the other command", Command::search, fetch(text("Mailbox")),
         Reason::body_root},
        {"a string table", Command::search, hex("03016A05 47414C0000 000F 45 47 48 8301 01 01 01"),
         Reason::bad_request},
        {"a string from the table", Command::search, hex("03016A00 000F 45 47 48 8301 01 01 01"),
         Reason::bad_request},
        {"an entity", Command::search, hex("03016A00 000F 45 47 48 0244 01 01 01"),
         Reason::bad_request},
        {"two texts in one element", Command::search, search(text("GAL") + text("DocumentLibrary")),
         Reason::bad_request},
        {"a tag that no page has", Command::search, hex("03016A00 000F 45 7F 01 01"),
         Reason::bad_request},
        {"a page that doesn't exist", Command::search, hex("03016A00 000F 45 0030 45 01 01"),
         Reason::bad_request},
        {"cut off", Command::search, hex("03016A00 000F 45 47"), Reason::bad_request},
        {"the root among the first bytes", Command::search,
         hex("03016A00 0000 0000 0000 0000 000F 45 47 48") + text("GAL") + hex("01 01 01"),
         Reason::none},
        {"the root behind them", Command::search,
         hex("03016A00 0000 0000 0000 0000 0000 000F 45 47 48") + text("GAL") + hex("01 01 01"),
         Reason::bad_request},
        {"more behind the root", Command::search, search(text("GAL")) + "x", Reason::bad_request},
        {"too long", Command::search,
         search(text("GAL"), hex("54") + text(std::string(70'000, 'a')) + hex("01")),
         Reason::body_too_large},
    };
    for (const Row& row : rows) {
        CAPTURE(row.about);
        for (const std::size_t piece : {std::size_t{1'000'000}, std::size_t{7}, std::size_t{1}}) {
            CAPTURE(piece);
            CHECK(to_string(judge(row.command, row.body, piece)) == to_string(row.reason));
        }
    }
}

TEST_CASE("what real clients ask passes") {
    const auto body_of = [](std::string_view capture) {
        const std::string bytes = test::read_all(test::eas_data(capture));
        return bytes.substr(bytes.find("\r\n\r\n") + 4);
    };
    CHECK(judge(Command::item_operations,
                body_of("captures/sogo_14_itemoperations_inline.request.bin")) == Reason::none);
    CHECK(judge(Command::search, body_of("captures/sogo_19_search_gal.request.bin")) ==
          Reason::none);
    CHECK(judge(Command::item_operations,
                hex(test::read_all(test::eas_data("wbxml/w38_itemoperations_fetch_mime.hex")))) ==
          Reason::none);
}

TEST_CASE("only two commands can look up documents") {
    for (const auto& facts : eas::all_commands()) {
        CAPTURE(facts.name);
        CHECK(eas::may_look_up_documents(facts.command) ==
              (facts.name == "Search" || facts.name == "ItemOperations"));
    }
}
