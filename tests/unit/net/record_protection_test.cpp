// One direction of TLS 1.3 records: the vectors of RFC 8448, what opens and what doesn't.

#include "proxy/net/record_protection.h"

#include <array>
#include <limits>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/tls_records.h"

using namespace eg::net;
using namespace eg::test;
using Direction = RecordProtection::Direction;

namespace {

constexpr std::array<std::uint16_t, 3> kSuites{0x1301, 0x1302, 0x1303};
constexpr std::string_view kRefused = "<refused>";

struct Pair {
    explicit Pair(std::uint16_t id, std::uint64_t next = 0)
        : secret(secret_of(kRfc8448Client, suite_of(id))),
          sealer(suite_of(id), Direction::seals, octets(secret), next),
          opener(suite_of(id), Direction::opens, octets(secret), next) {}
    std::string secret;
    RecordProtection sealer;
    RecordProtection opener;
};

/// The inner plaintext (content and type).
std::string open(RecordProtection& opener, std::string_view record) {
    std::string inner(record.size() - kRecordHeaderBytes - kTagBytes, '?');
    const auto size = opener.open(record, inner.data());
    if (!size) {
        return std::string(kRefused);
    }
    CHECK(*size == inner.size());
    return inner;
}

std::string open_in_place(RecordProtection& opener, std::string record) {
    const auto size = opener.open(record, record.data() + kRecordHeaderBytes);
    return size ? record.substr(kRecordHeaderBytes, *size) : std::string(kRefused);
}

std::string inner_of(ContentType type, std::string content) {
    return content.append(1, static_cast<char>(type));
}

std::string data_of(std::string content) {
    return inner_of(ContentType::application_data, std::move(content));
}

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>(i * 31 + i / 256);
    }
    return text;
}

std::string seal_data(RecordProtection& sealer, std::string_view content) {
    return seal(sealer, ContentType::application_data, content);
}

/// RFC 8448 3, "send application_data record" and "send alert record".
struct Vector {
    const Rfc8448Side& side;
    std::uint64_t number;  // the server's first record is a ticket
    ContentType type;
    std::string content;
    std::string_view record;
};

std::string fifty_bytes() {
    std::string bytes;
    for (char byte = 0; byte < 50; ++byte) {
        bytes.push_back(byte);
    }
    return bytes;
}

const std::array kVectors{
    Vector{kRfc8448Client, 0, ContentType::application_data, fifty_bytes(),
           "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a"
           "9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4"},
    Vector{kRfc8448Client, 1, ContentType::alert, std::string("\1\0", 2),
           "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3"},
    Vector{kRfc8448Server, 1, ContentType::application_data, fifty_bytes(),
           "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602d"
           "cb501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d"},
    Vector{kRfc8448Server, 2, ContentType::alert, std::string("\1\0", 2),
           "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9"},
};

}  // namespace

TEST_CASE("suites of RFC 8446 that are known, and those that aren't") {
    for (const std::uint16_t id : kSuites) {
        CAPTURE(id);
        const RecordSuite* suite = RecordSuite::find(id);
        REQUIRE(suite != nullptr);
        CHECK(suite == RecordSuite::find(id));
        CHECK(suite->cipher != nullptr);
        CHECK(suite->key_bytes == (id == 0x1301 ? 16 : 32));
        CHECK(suite->hash_bytes == (id == 0x1302 ? 48 : 32));
    }
    for (const std::uint16_t id : std::initializer_list<std::uint16_t>{
             0x0000, 0x0001, 0x1300, 0x1304, 0x1305, 0x13FF, 0xC02F, 0xFFFF}) {
        CAPTURE(id);
        CHECK(RecordSuite::find(id) == nullptr);
    }
}

TEST_CASE("the records of RFC 8448, sealed and opened") {
    for (const Vector& vector : kVectors) {
        CAPTURE(vector.record);
        const std::string secret = from_hex(vector.side.secret);
        const std::string record = from_hex(vector.record);
        RecordProtection sealer(suite_of(0x1301), Direction::seals, octets(secret), vector.number);
        RecordProtection opener(suite_of(0x1301), Direction::opens, octets(secret), vector.number);
        REQUIRE(sealer.usable());
        REQUIRE(opener.usable());
        CHECK(seal(sealer, vector.type, vector.content) == record);
        CHECK(open(opener, record) == inner_of(vector.type, vector.content));
    }
}

TEST_CASE("the records of RFC 8448 one after the other") {
    const std::string client_secret = from_hex(kRfc8448Client.secret);
    RecordProtection opener(suite_of(0x1301), Direction::opens, octets(client_secret), 0);
    CHECK(open(opener, from_hex(kVectors[0].record)) == data_of(fifty_bytes()));
    CHECK(open(opener, from_hex(kVectors[1].record)) == std::string("\1\0\x15", 3));
    CHECK(opener.protected_records() == 2);
    const std::string server_secret = from_hex(kRfc8448Server.secret);
    RecordProtection sealer(suite_of(0x1301), Direction::seals, octets(server_secret), 1);
    CHECK(seal_data(sealer, fifty_bytes()) == from_hex(kVectors[2].record));
    CHECK(seal(sealer, ContentType::alert, kVectors[3].content) == from_hex(kVectors[3].record));
    CHECK(sealer.protected_records() == 3);
}

TEST_CASE("the key and the nonces are those that RFC 8448 derives") {
    for (const Rfc8448Side& side : {kRfc8448Client, kRfc8448Server}) {
        const std::string secret = from_hex(side.secret);
        for (const std::uint64_t number : std::initializer_list<std::uint64_t>{
                 0, 1, 2, 255, 256, 0x0123456789ABCDEF, 0xFEDCBA9876543210}) {
            CAPTURE(number);
            RecordProtection sealer(suite_of(0x1301), Direction::seals, octets(secret), number);
            RecordProtection opener(suite_of(0x1301), Direction::opens, octets(secret), number);
            const std::string content = pattern(100 + number % 100);
            const std::string by_hand = seal_by_hand(side, number, data_of(content));
            CHECK(seal_data(sealer, content) == by_hand);
            CHECK(open(opener, by_hand) == data_of(content));
        }
    }
}

TEST_CASE("the next secrets after those of RFC 8448") {
    // HKDF-Expand-Label(secret, "traffic upd", "", 32), reckoned with Python's hmac. The RFC itself
    // has no KeyUpdate.
    const std::array<std::array<std::string_view, 2>, 2> cases{
        {{kRfc8448Client.secret,
          "fcdfcc72725aaee48bf64e4fd8b749cdbdbab39d90da0b26e2245ca6ea167207"},
         {kRfc8448Server.secret,
          "51921b8aa3001976eb401d0a4319a8516416a6c56001a357e5d162031e84f916"}}};
    for (const auto& [before, after] : cases) {
        const std::string secret = from_hex(before);
        const std::string next_secret = from_hex(after);
        RecordProtection sealer(suite_of(0x1301), Direction::seals, octets(secret), 3);
        RecordProtection fresh(suite_of(0x1301), Direction::seals, octets(next_secret), 0);
        CHECK(seal_data(sealer, "a") != seal_data(fresh, "a"));
        sealer.update();
        CHECK(sealer.protected_records() == 0);
        RecordProtection opener(suite_of(0x1301), Direction::opens, octets(next_secret), 0);
        CHECK(open(opener, seal_data(sealer, "first")) == data_of("first"));
        CHECK(seal_data(fresh, "second") == seal_data(sealer, "second"));
    }
}

TEST_CASE("each suite opens what it sealed, at any size, in place and elsewhere") {
    for (const std::uint16_t id : kSuites) {
        Pair pair(id);
        RecordProtection in_place(suite_of(id), Direction::opens, octets(pair.secret), 0);
        REQUIRE(pair.sealer.usable());
        for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 16383U, 16384U}) {
            CAPTURE(id);
            CAPTURE(size);
            const std::string content = pattern(size);
            const std::string record = seal_data(pair.sealer, content);
            CHECK(record.size() == size + kSealOverhead);
            CHECK(record.substr(0, 3) == from_hex("170303"));
            CHECK(record_length(record) == record.size());
            const bool same = open(pair.opener, record) == data_of(content);
            CHECK(same);
            const bool same_in_place = open_in_place(in_place, record) == data_of(content);
            CHECK(same_in_place);
        }
        CHECK(pair.sealer.protected_records() == 7);
        CHECK(pair.opener.protected_records() == 7);
    }
}

TEST_CASE("a record of the greatest sealed length opens") {
    const std::string inner = data_of(pattern(kMostSealedBytes - kTagBytes - 1));
    const std::string record = seal_by_hand(kRfc8448Client, 0, inner);
    REQUIRE(record.size() == kRecordHeaderBytes + kMostSealedBytes);
    Pair pair(0x1301);
    const bool same = open(pair.opener, record) == inner;
    CHECK(same);
}

TEST_CASE("each content type is sealed into the record") {
    Pair pair(0x1303);
    for (const auto type : {ContentType::change_cipher_spec, ContentType::alert,
                            ContentType::handshake, ContentType::application_data}) {
        CHECK(open(pair.opener, seal(pair.sealer, type, "text")) == inner_of(type, "text"));
    }
}

TEST_CASE("a bit that flipped in header, body or tag: refused, and nothing opens any more") {
    for (const std::uint16_t id : kSuites) {
        Pair pair(id);
        const std::string record = seal_data(pair.sealer, fifty_bytes());
        const std::string next = seal_data(pair.sealer, "next");
        for (std::size_t at = 0; at < record.size(); ++at) {
            for (int bit = 0; bit < 8; ++bit) {
                RecordProtection opener(suite_of(id), Direction::opens, octets(pair.secret), 0);
                std::string changed = record;
                changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
                CAPTURE(at);
                CAPTURE(bit);
                CHECK(open(opener, changed) == kRefused);
                CHECK(!opener.usable());
                CHECK(open(opener, next) == kRefused);
            }
        }
    }
}

TEST_CASE("a byte that changed in a large record, a byte less, a byte more: refused") {
    for (const std::uint16_t id : kSuites) {
        Pair pair(id);
        const std::string record = seal_data(pair.sealer, pattern(16384));
        const auto refused = [&](const std::string& changed) {
            RecordProtection opener(suite_of(id), Direction::opens, octets(pair.secret), 0);
            return open_in_place(opener, changed) == kRefused;
        };
        CHECK(!refused(record));
        for (const std::size_t at : {0U, 4U, 5U, 8192U, 16388U, 16389U, 16390U, 16405U}) {
            CAPTURE(at);
            std::string changed = record;
            changed[at] = static_cast<char>(~changed[at]);
            CHECK(refused(changed));
        }
        CHECK(refused(record.substr(0, record.size() - 1)));
        CHECK(refused(record + '\0'));
    }
}

TEST_CASE("records in another order, twice, left out, of another suite: refused") {
    for (const std::uint16_t id : kSuites) {
        CAPTURE(id);
        Pair pair(id);
        const std::string first = seal_data(pair.sealer, "first");
        const std::string second = seal_data(pair.sealer, "second");
        CHECK(open(pair.opener, first) == data_of("first"));
        CHECK(open(pair.opener, first) == kRefused);
        Pair other(id);
        CHECK(open(other.opener, second) == kRefused);
        CHECK(open(other.opener, first) == kRefused);
        Pair unlike(id == 0x1301 ? 0x1303 : 0x1301);
        CHECK(open(unlike.opener, first) == kRefused);
    }
}

TEST_CASE("after an update both sides go on, and the key before opens nothing") {
    for (const std::uint16_t id : kSuites) {
        CAPTURE(id);
        Pair pair(id, 5);
        std::string last_before;
        for (int generation = 0; generation < 4; ++generation) {
            for (int i = 0; i < 3; ++i) {
                CHECK(open(pair.opener, seal_data(pair.sealer, "text")) == data_of("text"));
            }
            last_before = seal_data(pair.sealer, "too late");
            pair.sealer.update();
            pair.opener.update();
            CHECK(pair.sealer.protected_records() == 0);
            CHECK(pair.opener.protected_records() == 0);
        }
        CHECK(open(pair.opener, last_before) == kRefused);
        // One side alone: the other doesn't follow.
        Pair apart(id);
        apart.sealer.update();
        CHECK(open(apart.opener, seal_data(apart.sealer, "text")) == kRefused);
    }
}

TEST_CASE("an update doesn't mend what a forged record broke") {
    Pair pair(0x1301);
    CHECK(open(pair.opener, std::string(30, 'x')) == kRefused);
    pair.opener.update();
    pair.sealer.update();
    CHECK(!pair.opener.usable());
    CHECK(open(pair.opener, seal_data(pair.sealer, "text")) == kRefused);
}

TEST_CASE("freeing the cipher in between changes no byte") {
    for (const std::uint16_t id : kSuites) {
        CAPTURE(id);
        Pair kept(id);
        Pair freed(id);
        for (const std::size_t size : {0U, 1U, 100U, 16384U, 3U}) {
            freed.sealer.free_cipher();
            freed.opener.free_cipher();
            const std::string content = pattern(size);
            const std::string record = seal_data(freed.sealer, content);
            const bool same = record == seal_data(kept.sealer, content);
            CHECK(same);
            const bool opens = open(freed.opener, record) == data_of(content);
            CHECK(opens);
            if (size == 100) {
                freed.sealer.update();
                kept.sealer.update();
                freed.opener.update();
            }
        }
    }
}

TEST_CASE("the number of the next record: any, and never one twice") {
    constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
    for (const std::uint16_t id : kSuites) {
        for (const std::uint64_t next :
             {std::uint64_t{1}, std::uint64_t{255}, std::uint64_t{256}, std::uint64_t{0x1234567890},
              std::uint64_t{1} << 63U, kLast - 2}) {
            CAPTURE(id);
            CAPTURE(next);
            Pair pair(id, next);
            Pair neighbour(id, next - 1);
            CHECK(pair.sealer.protected_records() == next);
            const std::string record = seal_data(pair.sealer, "text");
            CHECK(record != seal_data(neighbour.sealer, "text"));
            CHECK(record == seal_data(neighbour.sealer, "text"));
            CHECK(open(pair.opener, record) == data_of("text"));
            CHECK(open(pair.opener, seal_data(pair.sealer, "more")) == data_of("more"));
        }
        Pair last(id, kLast);
        std::string out(100, '\0');
        CHECK(last.sealer.seal(ContentType::alert, "x", out.data()) == 0);
        CHECK(last.sealer.seal(ContentType::alert, "x", out.data()) == 0);
        CHECK(open(last.opener, std::string(30, 'x')) == kRefused);
    }
}

TEST_CASE("no two records of the same content are equal") {
    std::set<std::string> seen;
    std::size_t sealed = 0;
    for (const std::uint16_t id : kSuites) {
        Pair pair(id);
        for (int generation = 0; generation < 3; ++generation) {
            for (int i = 0; i < 300; ++i) {
                seen.insert(seal_data(pair.sealer, "the same"));
                ++sealed;
            }
            pair.sealer.update();
        }
    }
    CHECK(seen.size() == sealed);
}
