// What the mail server refused, and for how long it is refused here.

#include "proxy/gate/lockout_shield.h"

#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proxy/device/table.h"

using eg::gate::LockoutShield;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kBasic = "WWW-Authenticate: Basic realm=\"mail\"\r\n";

std::uint64_t device(std::string_view id) {
    return eg::device::DeviceTable::hash_id(id);
}

/// A shield that remembers nothing but what the test says.
struct Shield {
    explicit Shield(eg::Milliseconds duration = 60s)
        : shield(std::make_unique<LockoutShield>(duration)) {}
    void add(std::string_view user, std::string_view id, std::string_view credential,
             std::int64_t now_ms) {
        const std::uint64_t hash = id.empty() ? 0 : device(id);
        shield->add(shield->mark(credential, hash, 1),
                    {.device = hash, .device_id = id, .user = user}, kBasic, now_ms);
    }
    [[nodiscard]] bool has(std::string_view id, std::string_view credential, std::int64_t now_ms) {
        const std::uint64_t hash = id.empty() ? 0 : device(id);
        return shield->find(shield->mark(credential, hash, 1), hash, now_ms) != nullptr;
    }
    std::unique_ptr<LockoutShield> shield;
};

}  // namespace

TEST_CASE("the same device and credential, for so long and no longer") {
    Shield it;
    CHECK_FALSE(it.has("PHONE1", "Basic x", 1'000));
    it.add("alice", "PHONE1", "Basic x", 1'000);
    CHECK(it.has("PHONE1", "Basic x", 1'000));
    CHECK(it.has("phone1", "Basic x", 60'999));
    CHECK_FALSE(it.has("PHONE1", "Basic x", 61'000));
    CHECK_FALSE(it.has("PHONE1", "Basic y", 1'000));
    CHECK_FALSE(it.has("PHONE2", "Basic x", 1'000));
    CHECK_FALSE(it.has("", "Basic x", 1'000));
}

TEST_CASE("the challenge is that of the mail server; another service is another thing") {
    LockoutShield shield(60s);
    const auto mark = shield.mark("Basic x", 7, 1);
    shield.add(mark, {.device = 7, .device_id = "A", .user = "alice"}, kBasic, 0);
    REQUIRE(shield.find(mark, 7, 1) != nullptr);
    CHECK(*shield.find(mark, 7, 1) == kBasic);
    CHECK(shield.find(shield.mark("Basic x", 7, 2), 7, 1) == nullptr);
}

TEST_CASE("what the mail server accepts is forgotten; a later refusal counts from then") {
    Shield it;
    it.add("alice", "PHONE1", "Basic x", 0);
    it.add("alice", "PHONE1", "Basic x", 30'000);
    CHECK(it.shield->size(30'000) == 1);
    CHECK(it.has("PHONE1", "Basic x", 80'000));
    const std::uint64_t hash = device("PHONE1");
    it.shield->forget(it.shield->mark("Basic x", hash, 1), hash);
    CHECK_FALSE(it.has("PHONE1", "Basic x", 30'000));
    CHECK(it.shield->size(30'000) == 0);
}

TEST_CASE("a changed duration holds for what is there") {
    Shield it;
    it.add("alice", "PHONE1", "Basic x", 0);
    it.shield->change(10s);
    CHECK_FALSE(it.has("PHONE1", "Basic x", 10'000));
    it.shield->change(120s);
    CHECK(it.has("PHONE1", "Basic x", 119'000));
}

TEST_CASE("two processes don't agree about a hash, and no mark is empty") {
    const LockoutShield one(60s);
    const LockoutShield other(60s);
    CHECK_FALSE(one.mark("Basic x", 1, 1) == other.mark("Basic x", 1, 1));
    CHECK_FALSE(one.mark("", 0, 0).empty());
    CHECK(LockoutShield::Mark{}.empty());
}

TEST_CASE("lifting by user in any domain, by device in any spelling, or all") {
    Shield it;
    const auto fill = [&] {
        it.add("CORP\\Alice", "PHONE1", "Basic a", 0);
        it.add("alice@corp.example", "PHONE2", "Basic b", 0);
        it.add("bob", "PHONE3", "Basic c", 0);
        it.add("bob", "", "Basic c", 0);
    };
    struct Case {
        std::string_view who;
        std::size_t lifted;
    };
    for (const auto& [who, lifted] :
         {Case{"alice", 2}, Case{"ALICE", 2}, Case{"corp\\alice", 1}, Case{"OTHER\\alice", 0},
          Case{"bob", 2}, Case{"phone3", 1}, Case{"PHONE9", 0}, Case{"", 0}}) {
        CAPTURE(who);
        fill();
        CHECK(it.shield->lift(who, 1'000).size() == lifted);
        CHECK(it.shield->size(1'000) == 4 - lifted);
    }
    fill();
    CHECK(it.shield->lift_all(1'000).size() == 4);
    CHECK(it.shield->list(1'000).empty());
}

TEST_CASE("an entry tells whom it is about, how often it was used, and when it ends") {
    Shield it;
    it.add("alice", "PHONE1", "Basic a", 0);
    CHECK(it.has("PHONE1", "Basic a", 1));
    CHECK(it.has("PHONE1", "Basic a", 2));
    const auto entries = it.shield->list(20'000);
    REQUIRE(entries.size() == 1);
    CHECK(entries[0].user == "alice");
    CHECK(entries[0].device_id == "PHONE1");
    CHECK(entries[0].answered == 2);
    CHECK(entries[0].expires_in == 40s);
}

TEST_CASE("it is bounded, and strangers don't push out the entries of devices") {
    Shield it;
    for (int i = 0; i < 2'000; ++i) {
        it.add("user", fmt::format("PHONE{}", i), "Basic x", i);
    }
    REQUIRE(it.shield->size(2'000) >= 1'995);  // a place or two may be full
    const std::size_t before = it.shield->size(2'000);
    // Anybody can send OPTIONS with any credential; it names no device.
    for (int i = 0; i < 100'000; ++i) {
        it.add("user", "", fmt::format("Basic {}", i), 3'000);
    }
    CHECK(it.shield->size(3'000) <= LockoutShield::kMost);
    CHECK(it.shield->size(3'000) > LockoutShield::kMost * 9 / 10);
    std::size_t still = 0;
    for (int i = 0; i < 2'000; ++i) {
        still += it.has(fmt::format("PHONE{}", i), "Basic x", 3'000) ? 1U : 0U;
    }
    CHECK(still == before);
    // A device takes the place of what named none.
    it.add("alice", "LATE", "Basic z", 4'000);
    CHECK(it.has("LATE", "Basic z", 4'000));
}

TEST_CASE("many credentials of one device push out its own oldest only") {
    Shield it;
    for (int i = 0; i < 100; ++i) {
        it.add("alice", "PHONE1", fmt::format("Basic {}", i), i);
    }
    CHECK(it.shield->size(100) == LockoutShield::kWays);
    CHECK(it.has("PHONE1", "Basic 99", 100));
    CHECK_FALSE(it.has("PHONE1", "Basic 0", 100));
}
