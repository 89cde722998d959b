// Keys of TLS tickets: whose tickets open where, and for how long.

#include "proxy/net/ticket_keys.h"

#include <array>
#include <memory>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <openssl/evp.h>

using eg::net::TicketKeys;
using namespace std::chrono_literals;

namespace {

struct Ticket {
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 16> iv{};
    std::string sealed;
};

struct Contexts {
    EVP_CIPHER_CTX* cipher = EVP_CIPHER_CTX_new();
    EVP_MAC* algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    EVP_MAC_CTX* mac = EVP_MAC_CTX_new(algorithm);
    Contexts() = default;
    ~Contexts() {
        EVP_MAC_CTX_free(mac);
        EVP_MAC_free(algorithm);
        EVP_CIPHER_CTX_free(cipher);
    }
    Contexts(const Contexts&) = delete;
    Contexts& operator=(const Contexts&) = delete;
};

std::string run(EVP_CIPHER_CTX* cipher, const std::string& bytes) {
    std::array<unsigned char, 256> out{};
    int first = 0;
    int last = 0;
    const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
    if (EVP_CipherUpdate(cipher, out.data(), &first, in, static_cast<int>(bytes.size())) != 1 ||
        EVP_CipherFinal_ex(cipher, out.data() + first, &last) != 1) {
        return "<not opened>";
    }
    return {reinterpret_cast<const char*>(out.data()), static_cast<std::size_t>(first + last)};
}

Ticket seal(TicketKeys& keys) {
    const Contexts contexts;
    Ticket ticket;
    REQUIRE(keys.apply(ticket.name.data(), ticket.iv.data(), contexts.cipher, contexts.mac, 1) ==
            1);
    ticket.sealed = run(contexts.cipher, "state");
    CHECK(ticket.sealed != "state");
    return ticket;
}

/// 0: unknown, 1: opened, 2: opened, and a fresh one is wanted.
int open(TicketKeys& keys, Ticket ticket) {
    const Contexts contexts;
    const int result =
        keys.apply(ticket.name.data(), ticket.iv.data(), contexts.cipher, contexts.mac, 0);
    if (result > 0) {
        CHECK(run(contexts.cipher, ticket.sealed) == "state");
    }
    return result;
}

const std::string kFirst(80, 'a');
const std::string kSecond(80, 'b');

}  // namespace

TEST_CASE("a ticket opens where it was sealed, and nowhere else") {
    TicketKeys one("", "one");
    TicketKeys other("", "one");
    const Ticket ticket = seal(one);
    CHECK(open(one, ticket) == 1);
    CHECK(open(other, ticket) == 0);
}

TEST_CASE("keys of a file: nodes share tickets, instances don't") {
    TicketKeys here(kFirst, "hq");
    TicketKeys there(kFirst, "hq");
    TicketKeys branch(kFirst, "branch");
    const Ticket ticket = seal(here);
    CHECK(open(here, ticket) == 1);
    CHECK(open(there, ticket) == 1);
    CHECK(open(branch, ticket) == 0);
}

TEST_CASE("the first key of a file seals, all open") {
    TicketKeys before(kFirst, "hq");
    TicketKeys after(kSecond + kFirst, "hq");
    const Ticket old = seal(before);
    CHECK(open(after, old) == 2);
    const Ticket fresh = seal(after);
    CHECK(open(after, fresh) == 1);
    CHECK(open(before, fresh) == 0);
}

TEST_CASE("a key that is made up doesn't open") {
    TicketKeys keys("", "one");
    Ticket ticket = seal(keys);
    ticket.name[0] ^= 1;
    CHECK(open(keys, ticket) == 0);
}

TEST_CASE("every ticket has its own initialisation vector") {
    TicketKeys keys("", "one");
    const Ticket first = seal(keys);
    const Ticket second = seal(keys);
    CHECK(first.name == second.name);
    CHECK(first.iv != second.iv);
}

TEST_CASE("random keys rotate: the one before still opens, older ones don't") {
    TicketKeys keys("", "one", 20ms);
    const Ticket oldest = seal(keys);
    CHECK(open(keys, oldest) == 1);
    std::this_thread::sleep_for(30ms);
    const Ticket next = seal(keys);
    CHECK(next.name != oldest.name);
    CHECK(open(keys, oldest) == 2);
    std::this_thread::sleep_for(30ms);
    CHECK(open(keys, oldest) == 0);
}

TEST_CASE("keys of a file don't rotate by themselves") {
    TicketKeys keys(kFirst, "one", 1ms);
    const Ticket ticket = seal(keys);
    std::this_thread::sleep_for(5ms);
    CHECK(open(keys, ticket) == 1);
}
