// What a TLS 1.3 server seals once the handshake is over: data, KeyUpdates that are owed, alerts.

#include <array>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include "proxy/net/tls_records.h"
#include "tests/support/tls_records.h"

using namespace eg::net;
using namespace eg::test;

namespace {

constexpr std::array<std::uint16_t, 3> kSuites{0x1301, 0x1302, 0x1303};
constexpr std::string_view kWithUpdate = "handshake(1800000100) data(";

/// A KeyUpdate of the client, taken by the server.
void update(Ends& ends, std::string_view message) {
    std::string record = seal(ends.client, ContentType::handshake, from_hex(message));
    ends.client.update();
    const auto opened = ends.server.open(record, record);
    REQUIRE(opened.used == record.size());
    REQUIRE(opened.bytes == 0);
}
void request_update(Ends& ends) {
    update(ends, "1800000101");
}

}  // namespace

TEST_CASE("the client reads what is sealed, from any number of records on") {
    for (const std::uint16_t id : kSuites) {
        for (const std::uint64_t sealed : {0U, 1U, 2U, 255U, 256U, 100'000U}) {
            CAPTURE(id);
            CAPTURE(sealed);
            Ends ends(id, sealed);
            CHECK(ends.server.usable());
            CHECK(ends.answer("hello") == "data(hello)");
            CHECK(ends.answer("") == "data()");
            ends.server.free_ciphers();
            CHECK(ends.answer("again") == "data(again)");
            CHECK(ends.answer(std::string(16384, 'x')).size() == 16384 + 6);
            CHECK(ends.answer(AlertDescription::close_notify) == "alert(0100)");
        }
    }
}

TEST_CASE("the records of RFC 8448") {
    // A ticket was the server's first.
    Ends ends(0x1301, 1);
    std::string content;
    for (char byte = 0; byte < 50; ++byte) {
        content.push_back(byte);
    }
    std::string out(TlsRecords::kMostSealed, '\0');
    CHECK(out.substr(0, ends.server.seal(content, out.data())) ==
          from_hex("17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6"
                   "dffc602dcb501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d"));
    CHECK(out.substr(0, ends.server.seal_alert(AlertDescription::close_notify, out.data())) ==
          from_hex("1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9"));
    std::string records = from_hex(
        "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b"
        "395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4"
        "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3");
    const Fed fed = feed(ends.server, records);
    CHECK(fed.data == content);
    CHECK(show_state(ends.server) == "closed");
}

TEST_CASE("a record of the greatest length has room in kMostSealed, a KeyUpdate before it too") {
    for (const std::uint16_t id : kSuites) {
        CAPTURE(id);
        Ends ends(id);
        const std::string content(kRecordBytes, 'x');
        std::string out(TlsRecords::kMostSealed + 8, '#');
        CHECK(ends.server.seal(content, out.data()) == kRecordBytes + kSealOverhead);
        request_update(ends);
        const std::size_t bytes = ends.server.seal(content, out.data());
        CHECK(bytes == TlsRecords::kMostSealed);
        CHECK(out.substr(TlsRecords::kMostSealed) == "########");
        CHECK(record_length(out) == 5 + kSealOverhead);
    }
}

TEST_CASE("a KeyUpdate that was requested goes before the next data, once") {
    for (const std::uint16_t id : kSuites) {
        CAPTURE(id);
        Ends ends(id, 3);
        CHECK(ends.answer("a") == "data(a)");
        update(ends, "1800000100");
        CHECK(ends.answer("b") == "data(b)");
        request_update(ends);
        CHECK(ends.answer("c") == "handshake(1800000100) data(c)");
        CHECK(ends.answer("d") == "data(d)");
        // Two requests, and one that follows on another kind: one answer.
        request_update(ends);
        request_update(ends);
        update(ends, "1800000100");
        CHECK(ends.answer("e") == "handshake(1800000100) data(e)");
        CHECK(ends.answer("f") == "data(f)");
        ends.server.free_ciphers();
        request_update(ends);
        ends.server.free_ciphers();
        CHECK(ends.answer("") == "handshake(1800000100) data()");
        CHECK(ends.answer("g") == "data(g)");
        CHECK(show_state(ends.server) == "open");
    }
}

TEST_CASE("the answer to a KeyUpdate is under the old key, the data behind it under the next") {
    Ends ends;
    request_update(ends);
    std::string out(TlsRecords::kMostSealed, '\0');
    out.resize(ends.server.seal("text", out.data()));
    const std::size_t first = record_length(out);
    std::string inner(out.size(), '\0');
    CHECK(ends.reader.open(std::string_view(out).substr(0, first), inner.data()) == 6);
    CHECK(inner.substr(0, 6) == from_hex("180000010016"));
    // The next key's first record.
    const std::string old_secret = secret_of(kRfc8448Server, suite_of(0x1301));
    RecordProtection next(suite_of(0x1301), RecordProtection::Direction::opens, octets(old_secret),
                          0);
    next.update();
    CHECK(show_records(next, std::string_view(out).substr(first)) == "data(text)");
    CHECK(show_records(ends.reader, std::string_view(out).substr(first)) == "?");
}

TEST_CASE("a request that there was no data after stays owed beyond alerts") {
    Ends ends;
    request_update(ends);
    CHECK(ends.answer(AlertDescription::close_notify) == "alert(0100)");
    CHECK(ends.answer("text") == "handshake(1800000100) data(text)");
}

TEST_CASE("a key seals 2^24 records, then the next one comes unasked") {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 24U;
    Ends ends(0x1301, kMost - 1);
    CHECK(ends.answer("a") == "data(a)");
    CHECK(ends.answer("b") == std::string(kWithUpdate) + "b)");
    CHECK(ends.answer("c") == "data(c)");
    // An alert doesn't need it.
    Ends late(0x1301, kMost);
    CHECK(late.answer(AlertDescription::internal_error) == "alert(0250)");
    // At the limit and asked for: one KeyUpdate is enough.
    Ends asked(0x1301, kMost);
    request_update(asked);
    CHECK(asked.answer("a") == std::string(kWithUpdate) + "a)");
    CHECK(asked.answer("b") == "data(b)");
}

TEST_CASE("without a number left nothing is sealed") {
    Ends ends(0x1301, std::numeric_limits<std::uint64_t>::max());
    std::string out(TlsRecords::kMostSealed, '\0');
    CHECK(ends.server.seal("text", out.data()) == 0);
    CHECK(ends.server.seal_alert(AlertDescription::close_notify, out.data()) == 0);
}

TEST_CASE("alerts: close_notify is a warning, the others are fatal") {
    Ends ends;
    CHECK(ends.answer(AlertDescription::close_notify) == "alert(0100)");
    CHECK(ends.answer(AlertDescription::unexpected_message) == "alert(020a)");
    CHECK(ends.answer(AlertDescription::bad_record_mac) == "alert(0214)");
    CHECK(ends.answer(AlertDescription::record_overflow) == "alert(0216)");
    CHECK(ends.answer(AlertDescription::illegal_parameter) == "alert(022f)");
    CHECK(ends.answer(AlertDescription::decode_error) == "alert(0232)");
    CHECK(ends.answer(AlertDescription::internal_error) == "alert(0250)");
}

TEST_CASE("the server's side goes on after the client's was closed, and tells why it was broken") {
    Ends closed;
    CHECK(feed(closed.server, seal(closed.client, ContentType::alert, std::string("\1\0", 2)))
              .lawful);
    CHECK(show_state(closed.server) == "closed");
    CHECK(closed.answer("the rest") == "data(the rest)");
    CHECK(closed.answer(AlertDescription::close_notify) == "alert(0100)");
    Ends broken;
    CHECK(feed(broken.server, std::string(100, 'x')).lawful);
    CHECK(show_state(broken.server) == "broken 10");
    CHECK(broken.answer(broken.server.alert()) == "alert(020a)");
}

TEST_CASE("both directions with ciphers freed between all records") {
    Ends ends(0x1302);
    for (int i = 0; i < 20; ++i) {
        const std::string text = std::to_string(i);
        if (i % 5 == 4) {
            request_update(ends);
        }
        const std::string record = seal(ends.client, ContentType::application_data, text);
        ends.server.free_ciphers();
        CHECK(feed(ends.server, record).data == text);
        ends.server.free_ciphers();
        CHECK(ends.answer(text) == (i % 5 == 4 ? std::string(kWithUpdate) : "data(") + text + ")");
    }
}
