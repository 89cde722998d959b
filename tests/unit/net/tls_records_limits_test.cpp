// What of a TLS 1.3 record is wrong before or without being opened, and how much of what is right
// is too much.

#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "proxy/net/tls_records.h"
#include "tests/support/tls_records.h"

using namespace eg::net;
using namespace eg::test;

namespace {

struct Row {
    std::string what;
    std::string raw;
    std::string expected;
};

std::string outcome(std::string_view sealed, std::size_t step, std::size_t room) {
    Ends ends;
    const Fed fed = feed(ends.server, sealed, [step] { return step; }, [room] { return room; });
    return fed.data + "|" + show_state(ends.server) + (fed.lawful ? "" : ", unlawful");
}

/// What comes of "before ", these bytes, and an authentic record, the same in all pieces.
std::string around(const std::string& raw, bool more = true) {
    Ends ends;
    std::string sealed = seal(ends.client, ContentType::application_data, "before ") + raw;
    if (more) {
        sealed += seal(ends.client, ContentType::application_data, "after");
    }
    std::string whole = outcome(sealed, sealed.size(), 73728);
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, sealed.size()}) {
        for (const std::size_t room : {std::size_t{1}, std::size_t{16384}, std::size_t{16500}}) {
            if (sealed.size() > 2'000 && step == 1) {
                continue;
            }
            if (outcome(sealed, step, room) != whole) {
                return "differs in pieces of " + std::to_string(step) + " into " +
                       std::to_string(room);
            }
        }
    }
    return whole;
}

std::string raw(std::string_view header, std::size_t body) {
    return from_hex(header) + std::string(body, 'x');
}

/// `count` records without data by `make`, data, as many again, data.
template <typename Make>
std::string twice(int count, Make make) {
    Ends ends;
    std::string sealed;
    for (const std::string_view data : {"first ", "second"}) {
        for (int i = 0; i < count; ++i) {
            sealed += make(ends.client, i);
        }
        sealed += seal(ends.client, ContentType::application_data, data);
    }
    std::string whole = outcome(sealed, sealed.size(), 73728);
    CHECK(outcome(sealed, 1, 1) == whole);
    CHECK(outcome(sealed, 50, 3) == whole);
    return whole;
}

std::string empty_data(RecordProtection& client, int number) {
    return seal(client, ContentType::application_data, "", static_cast<std::size_t>(number % 3));
}
std::string user_canceled(RecordProtection& client, int) {
    return seal(client, ContentType::alert, "\1\x5a");
}
std::string key_update(RecordProtection& client, int number) {
    std::string record =
        seal(client, ContentType::handshake, from_hex(number % 2 ? "1800000100" : "1800000101"));
    client.update();
    return record;
}
std::string any_of_them(RecordProtection& client, int number) {
    return number % 3 == 0   ? empty_data(client, number)
           : number % 3 == 1 ? user_canceled(client, number)
                             : key_update(client, number);
}

}  // namespace

TEST_CASE("the header of a record: type, version, length") {
    const std::vector<Row> rows{
        {"change_cipher_spec", from_hex("140303000101"), "before |broken 10"},
        {"a plain alert", from_hex("15030300020100"), "before |broken 10"},
        {"a plain handshake", raw("1603030030", 48), "before |broken 10"},
        {"type 24", raw("1803030020", 32), "before |broken 10"},
        {"type 0", raw("0003030020", 32), "before |broken 10"},
        {"not TLS", "GET / HTTP/1.1\r\n\r\n", "before |broken 10"},
        {"version 3.1", raw("1703010020", 32), "before |broken 10"},
        {"version 3.4", raw("1703040020", 32), "before |broken 10"},
        {"version 2.3", raw("1702030020", 32), "before |broken 10"},
        {"length 0", from_hex("1703030000"), "before |broken 20"},
        {"length 1", raw("1703030001", 1), "before |broken 20"},
        {"length 16", raw("1703030010", 16), "before |broken 20"},
        {"length 17, not authentic", raw("1703030011", 17), "before |broken 20"},
        {"length 100, not authentic", raw("1703030064", 100), "before |broken 20"},
        {"length 16640, not authentic", raw("1703034100", 16640), "before |broken 20"},
        {"length 16641", raw("1703034101", 16641), "before |broken 22"},
        {"length 65535", raw("170303ffff", 10), "before |broken 22"},
        {"type before length", raw("150303ffff", 10), "before |broken 10"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        CHECK(around(row.raw) == row.expected);
        // The header alone says it, unless it takes the tag.
        if (row.what.find("authentic") == std::string::npos) {
            CHECK(around(row.raw.substr(0, 5), false) == row.expected);
        } else {
            CHECK(around(row.raw.substr(0, row.raw.size() - 1), false) == "before |open");
        }
        CHECK(around(row.raw.substr(0, 4), false) == "before |open");
    }
}

TEST_CASE("an inner plaintext that is too long") {
    const auto zeros = [](std::size_t count) { return std::string(count, '\0'); };
    const std::string full = std::string(16384, 'x') + '\x17';
    const std::vector<Row> rows{
        {"16385 bytes", full, "before " + full.substr(0, 16384) + "|open"},
        {"16386 bytes, all data", "x" + full, "before |broken 22"},
        {"16386 bytes, with padding", full + zeros(1), "before |broken 22"},
        {"16386 bytes, nearly all padding", "x\x17" + zeros(16384), "before |broken 22"},
        {"16386 bytes of zeros", zeros(16386), "before |broken 10"},
        {"16624 bytes, all data", std::string(239, 'x') + full, "before |broken 22"},
        {"16624 bytes, with padding", full + zeros(239), "before |broken 22"},
        {"16624 bytes, close_notify", from_hex("010015") + zeros(16621), "before |broken 22"},
        {"16625 bytes, all data", std::string(240, 'x') + full, "before |broken 22"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        const bool same = around(seal_by_hand(kRfc8448Client, 1, row.raw), false) == row.expected;
        CHECK(same);
    }
}

TEST_CASE("what was sealed before is read, what comes behind a broken record isn't") {
    Ends ends;
    Offered offered(seal(ends.client, ContentType::application_data, "one "));
    offered.append(seal(ends.client, ContentType::application_data, "two"));
    const std::size_t good = offered.size();
    std::string forged = seal(ends.client, ContentType::application_data, "three");
    forged[10] = static_cast<char>(~forged[10]);
    offered.append(forged + seal(ends.client, ContentType::application_data, "four"));
    Fed fed;
    const auto opened = open_once(ends.server, offered, 1000, fed);
    CHECK(fed.data == "one two");
    CHECK(opened.used == good);
    CHECK(show_state(ends.server) == "broken 20");
    const std::string kept = seal(ends.client, ContentType::application_data, "five");
    Offered later(kept);
    for (int i = 0; i < 3; ++i) {
        CHECK(open_once(ends.server, later, 1000, fed).used == 0);
        const auto bytes = later.bytes();
        CHECK(std::string_view(bytes.data(), bytes.size()) == kept);
    }
    CHECK(fed.data == "one two");
    CHECK(show_state(ends.server) == "broken 20");
}

TEST_CASE("a record that is left out, comes twice or in another order") {
    Ends ends;
    std::array<std::string, 3> records;
    for (std::size_t i = 0; i < records.size(); ++i) {
        records[i] =
            seal(ends.client, ContentType::application_data, std::string(1, char('a' + i)));
    }
    const auto& [a, b, c] = records;
    CHECK(outcome(a + b + c, 7, 100) == "abc|open");
    CHECK(outcome(a + c, 7, 100) == "a|broken 20");
    CHECK(outcome(b + a, 7, 100) == "|broken 20");
    CHECK(outcome(a + a, 7, 100) == "a|broken 20");
    CHECK(outcome(a + b + a, 7, 100) == "ab|broken 20");
}

TEST_CASE("records without data: 32 in a row, and the count starts anew after data") {
    for (const auto make : {empty_data, user_canceled, key_update, any_of_them}) {
        CHECK(twice(0, make) == "first second|open");
        CHECK(twice(1, make) == "first second|open");
        CHECK(twice(32, make) == "first second|open");
        CHECK(twice(33, make) == "|broken 10");
        CHECK(twice(40, make) == "|broken 10");
    }
}

TEST_CASE("records without data behind data that there was no room for") {
    Ends ends;
    std::string sealed = seal(ends.client, ContentType::application_data, std::string(1000, 'x'));
    for (int i = 0; i < 32; ++i) {
        sealed += any_of_them(ends.client, i);
    }
    CHECK(outcome(sealed, 100, 1) == std::string(1000, 'x') + "|open");
    sealed += empty_data(ends.client, 0);
    CHECK(outcome(sealed, 100, 1) == std::string(1000, 'x') + "|broken 10");
}
