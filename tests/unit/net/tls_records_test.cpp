// The records that a TLS 1.3 server gets once the handshake is over: what comes out of them in any
// pieces, and what ends the connection.

#include "proxy/net/tls_records.h"

#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/tls_records.h"

using namespace eg::net;
using namespace eg::test;

namespace {

constexpr std::size_t kAll = 1U << 20U;
constexpr std::array<std::uint16_t, 3> kSuites{0x1301, 0x1302, 0x1303};
constexpr std::array<std::size_t, 6> kRooms{1, 3, 100, 16384, 16385, 73728};

const std::string kKeyUpdate = from_hex("1800000100");
const std::string kKeyUpdateRequested = from_hex("1800000101");

/// "data|state", and what was wrong with the calls themselves.
std::string outcome(std::string_view sealed, std::size_t step, std::size_t room,
                    std::uint16_t id = 0x1301) {
    Ends ends(id);
    const Fed fed = feed(ends.server, sealed, [step] { return step; }, [room] { return room; });
    std::string text = fed.data + "|" + show_state(ends.server);
    if (!fed.lawful) {
        text += ", unlawful";
    }
    if (step <= 17 && fed.most_kept > TlsRecords::kMostUnread + 17) {
        text += ", kept " + std::to_string(fed.most_kept);
    }
    return text;
}

/// The same in all pieces and rooms, or else the first that differs.
std::string outcome(std::string_view sealed) {
    std::string whole = outcome(sealed, kAll, kAll);
    for (const std::size_t room : kRooms) {
        for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, kAll}) {
            if (sealed.size() > 2'000 && step < 7) {
                continue;
            }
            std::string part = outcome(sealed, step, room);
            if (part != whole) {
                return part.append(" in pieces of ")
                    .append(std::to_string(step))
                    .append(" into ")
                    .append(std::to_string(room))
                    .append(", at once ")
                    .append(whole);
            }
        }
    }
    return whole;
}

std::string inner_of(unsigned type, std::string content, std::size_t padding = 0) {
    return content.append(1, static_cast<char>(type)).append(padding, '\0');
}
std::string data_of(std::string content, std::size_t padding = 0) {
    return inner_of(23, std::move(content), padding);
}
std::string handshake_of(std::string_view hex, std::size_t padding = 0) {
    return inner_of(22, from_hex(hex), padding);
}
std::string alert_of(std::string_view hex, std::size_t padding = 0) {
    return inner_of(21, from_hex(hex), padding);
}

enum class Then : std::uint8_t { same_key, next_key };

/// What comes of "before ", a record of this inner plaintext, and "after".
std::string around(const std::string& inner, Then then = Then::same_key) {
    Ends ends;
    std::string sealed = seal_inner(ends.client, data_of("before "));
    sealed += seal_inner(ends.client, inner);
    if (then == Then::next_key) {
        ends.client.update();
    }
    return outcome(sealed + seal_inner(ends.client, data_of("after")));
}

struct Row {
    std::string what;
    std::string inner;
    std::string expected;
};

void check(const std::vector<Row>& rows, Then then = Then::same_key) {
    for (const Row& row : rows) {
        CAPTURE(row.what);
        const std::string came = around(row.inner, then);
        // Long data isn't worth printing.
        CHECK_MESSAGE(came == row.expected, came.substr(0, 200));
    }
}

}  // namespace

TEST_CASE("data in any pieces, into any room") {
    for (const std::uint16_t id : kSuites) {
        Ends ends(id);
        std::string sealed;
        std::string expected;
        int number = 0;
        for (const std::size_t size : {1U, 2U, 50U, 16384U, 300U, 16383U, 17U, 4096U, 1U}) {
            std::string content(size, static_cast<char>('a' + number));
            content.back() = '\0';  // what ends in zeros isn't padding
            const std::size_t padding =
                number % 2 == 0 ? 0 : std::min<std::size_t>(16384 - size, size);
            sealed += seal_inner(ends.client, data_of(content, padding));
            expected += content;
            if (++number % 4 == 3) {
                sealed += seal_inner(ends.client, data_of("", 9));
                sealed += seal_inner(ends.client, handshake_of("1800000100"));
                ends.client.update();
            }
        }
        expected += "|open";
        for (const std::size_t step :
             {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{21}, std::size_t{1000},
              std::size_t{16406}, TlsRecords::kMostUnread, kAll}) {
            if (step < 7 && id != 0x1301) {
                continue;  // that costs time
            }
            for (const std::size_t room : kRooms) {
                CAPTURE(id);
                CAPTURE(step);
                CAPTURE(room);
                const bool same = outcome(sealed, step, room, id) == expected;
                CHECK(same);
            }
        }
    }
}

TEST_CASE("a record waits until its last byte is there") {
    Ends ends;
    const std::string record = seal_inner(ends.client, data_of(std::string(16384, 'x')));
    Offered offered(record.substr(0, record.size() - 1));
    Fed fed;
    CHECK(open_once(ends.server, offered, 20'000, fed).used == 0);
    CHECK(offered.size() == record.size() - 1);
    offered.append(record.substr(record.size() - 1));
    const auto opened = open_once(ends.server, offered, 20'000, fed);
    CHECK(opened.used == record.size());
    CHECK(opened.bytes == 16384);
    CHECK(fed.lawful);
}

TEST_CASE("no room: nothing is used, and nothing lost") {
    Ends ends;
    Offered offered(seal_inner(ends.client, data_of("text", 20)));
    offered.append(seal_inner(ends.client, alert_of("0100")));
    Fed fed;
    for (const std::size_t room : {0U, 1U, 0U, 2U, 0U, 1U, 0U}) {
        const auto opened = open_once(ends.server, offered, room, fed);
        CHECK(opened.bytes == room);
        CHECK((opened.used == 0) == (room == 0));
        CHECK(ends.server.state() == TlsRecords::State::open);
    }
    CHECK(fed.data == "text");
    CHECK(open_once(ends.server, offered, 1, fed).bytes == 0);
    CHECK(ends.server.state() == TlsRecords::State::closed);
    CHECK(offered.size() == 0);
    CHECK(fed.lawful);
}

TEST_CASE("data and padding") {
    const std::string full(16384, 'x');
    check({
        {"one byte", data_of("x"), "before xafter|open"},
        {"a zero", data_of(std::string(1, '\0')), "before " + std::string(1, '\0') + "after|open"},
        {"padded by one", data_of("x", 1), "before xafter|open"},
        {"padded by a hundred", data_of("text", 100), "before textafter|open"},
        {"padded to the greatest length", data_of("x", 16383), "before xafter|open"},
        {"of the greatest length", data_of(full), "before " + full + "after|open"},
        {"none", data_of(""), "before after|open"},
        {"none, padded", data_of("", 50), "before after|open"},
        {"none, padded to the greatest length", data_of("", 16384), "before after|open"},
    });
}

TEST_CASE("a KeyUpdate, and what isn't one") {
    check(
        {
            {"not requested", handshake_of("1800000100"), "before after|open"},
            {"requested", handshake_of("1800000101"), "before after|open"},
            {"padded", handshake_of("1800000101", 40), "before after|open"},
            {"new key without it", data_of("x"), "before x|broken 20"},
        },
        Then::next_key);
    check({
        {"old key goes on", handshake_of("1800000100"), "before |broken 20"},
        {"request_update of 2", handshake_of("1800000102"), "before |broken 47"},
        {"request_update of 255", handshake_of("18000001ff"), "before |broken 47"},
        {"without body", handshake_of("18000000"), "before |broken 50"},
        {"a body of two", handshake_of("180000020000"), "before |broken 10"},
        {"length of two, one there", handshake_of("1800000200"), "before |broken 50"},
        {"a great length", handshake_of("1801000100"), "before |broken 50"},
        {"in two records: the type", handshake_of("18"), "before |broken 50"},
        {"in two records: the header", handshake_of("18000001"), "before |broken 50"},
    });
}

TEST_CASE("a KeyUpdate with more in its record is refused") {
    for (const std::string_view more : {"00", "1800000100", "140000"}) {
        CAPTURE(more);
        for (const Then then : {Then::same_key, Then::next_key}) {
            CHECK(around(inner_of(22, kKeyUpdate + from_hex(more)), then)
                      .starts_with("before |broken "));
        }
    }
}

TEST_CASE("handshake messages that a client has no business to send now") {
    check({
        {"none", handshake_of(""), "before |broken 10"},
        {"ClientHello", handshake_of("01000000"), "before |broken 10"},
        {"NewSessionTicket", handshake_of("04000000"), "before |broken 10"},
        {"Certificate", handshake_of("0b00000400000000"), "before |broken 10"},
        {"Finished", handshake_of("14000000"), "before |broken 10"},
        {"hello_request", handshake_of("00000000"), "before |broken 10"},
        {"a KeyUpdate behind another", handshake_of("140000001800000100"), "before |broken 10"},
        {"unknown", handshake_of("ff"), "before |broken 10"},
    });
}

TEST_CASE("alerts") {
    check({
        {"close_notify", alert_of("0100"), "before |closed"},
        {"close_notify, fatal", alert_of("0200"), "before |closed"},
        {"close_notify, padded", alert_of("0100", 30), "before |closed"},
        {"user_canceled", alert_of("015a"), "before after|open"},
        {"user_canceled, fatal", alert_of("025a"), "before after|open"},
        {"handshake_failure", alert_of("0228"), "before |aborted"},
        {"handshake_failure as a warning", alert_of("0128"), "before |aborted"},
        {"bad_record_mac", alert_of("0214"), "before |aborted"},
        {"unknown", alert_of("02ff"), "before |aborted"},
        {"one byte", alert_of("01"), "before |broken 50"},
        {"three bytes", alert_of("010000"), "before |broken 50"},
        {"two alerts", alert_of("015a0100"), "before |broken 50"},
    });
    CHECK(around(alert_of("")).starts_with("before |broken "));
}

TEST_CASE("other content types") {
    check({
        {"change_cipher_spec", inner_of(20, "\1"), "before |broken 10"},
        {"change_cipher_spec, empty", inner_of(20, ""), "before |broken 10"},
        {"19", inner_of(19, "text"), "before |broken 10"},
        {"24", inner_of(24, "text"), "before |broken 10"},
        {"24, empty", inner_of(24, ""), "before |broken 10"},
        {"255", inner_of(255, "text", 5), "before |broken 10"},
        {"a zero", std::string(1, '\0'), "before |broken 10"},
        {"zeros", std::string(100, '\0'), "before |broken 10"},
        {"zeros to the greatest length", std::string(16385, '\0'), "before |broken 10"},
    });
}

// RFC 8446 5.4 wants "unexpected_message" of a record of an alert without content.
TEST_CASE("an empty alert is an unexpected message") {
    CHECK(around(alert_of("")) == "before |broken 10");
}

// RFC 8446 5.1 wants "unexpected_message" where a message and a key change don't end a record.
TEST_CASE("more behind a KeyUpdate is an unexpected message") {
    CHECK(around(inner_of(22, kKeyUpdate + kKeyUpdate), Then::next_key) == "before |broken 10");
}
