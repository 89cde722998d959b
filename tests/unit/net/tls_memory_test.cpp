#include "proxy/net/tls_memory.h"

#include <sys/mman.h>

#include <array>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

using eg::net::TlsMemory;

namespace {

constexpr std::size_t kRecord = 16'716;   // SSL3_RT_MAX_PLAIN_LENGTH and what surrounds it
constexpr std::size_t kMessage = 21'848;  // 16 KiB of a handshake, as a BUF_MEM takes it

/// Pages of a block that are in memory.
std::size_t resident_pages(void* block) {
    std::array<unsigned char, TlsMemory::kBlockBytes / 4096> pages{};
    REQUIRE(::mincore(block, TlsMemory::kBlockBytes, pages.data()) == 0);
    std::size_t count = 0;
    for (const unsigned char page : pages) {
        count += page & 1U;
    }
    return count;
}

}  // namespace

TEST_CASE("blocks of the size of records come from a range of their own, others from the heap") {
    struct Row {
        std::size_t bytes;
        bool ours;
    };
    for (const Row row :
         {Row{1, false}, Row{7'624, false}, Row{TlsMemory::kLeastBytes - 1, false},
          Row{TlsMemory::kLeastBytes, true}, Row{kRecord, true}, Row{kMessage, true},
          Row{TlsMemory::kBlockBytes, true}, Row{TlsMemory::kBlockBytes + 1, false}}) {
        CAPTURE(row.bytes);
        void* memory = TlsMemory::allocate(row.bytes);
        REQUIRE(memory != nullptr);
        CHECK(TlsMemory::owns(memory) == row.ours);
        std::memset(memory, 0x5a, row.bytes);
        TlsMemory::release(memory);
    }
    CHECK(TlsMemory::allocate(0) == nullptr);
    TlsMemory::release(nullptr);
}

TEST_CASE("what was freed last is used first") {
    void* first = TlsMemory::allocate(kRecord);
    void* second = TlsMemory::allocate(kRecord);
    CHECK(first != second);
    TlsMemory::release(first);
    CHECK(TlsMemory::allocate(kMessage) == first);
    TlsMemory::release(first);
    TlsMemory::release(second);
}

TEST_CASE("reallocating keeps what is in a block, wherever it goes") {
    auto* text = static_cast<char*>(TlsMemory::reallocate(nullptr, kRecord));
    REQUIRE(TlsMemory::owns(text));
    std::memcpy(text, "kept", 5);
    CHECK(TlsMemory::reallocate(text, kMessage) == text);
    auto* larger = static_cast<char*>(TlsMemory::reallocate(text, 100'000));
    REQUIRE(larger != nullptr);
    CHECK_FALSE(TlsMemory::owns(larger));
    CHECK(std::string_view(larger) == "kept");
    auto* smaller = static_cast<char*>(TlsMemory::reallocate(larger, 10));
    REQUIRE(smaller != nullptr);
    CHECK(std::string_view(smaller) == "kept");
    CHECK(TlsMemory::reallocate(smaller, 0) == nullptr);
}

TEST_CASE("blocks of a crowd that went away have no memory, and no block is lent twice") {
    constexpr std::size_t kCrowd = 1'000;
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < kCrowd; ++i) {
        blocks.push_back(TlsMemory::allocate(kRecord));
        std::memset(blocks.back(), 1, kRecord);
    }
    CHECK(std::set<void*>(blocks.begin(), blocks.end()).size() == kCrowd);
    for (void* block : blocks) {
        TlsMemory::release(block);
    }
    std::size_t with_memory = 0;
    for (void* block : blocks) {
        with_memory += resident_pages(block) != 0 ? std::size_t{1} : std::size_t{0};
    }
    CHECK(with_memory <= 128);
}

TEST_CASE("the blocks of a thread that ends serve others") {
    void* block = nullptr;
    std::thread([&] {
        block = TlsMemory::allocate(kRecord);
        TlsMemory::release(block);
    }).join();
    std::set<void*> taken;
    std::vector<void*> blocks;
    std::thread([&] {
        for (int i = 0; i < 64; ++i) {
            blocks.push_back(TlsMemory::allocate(kRecord));
            taken.insert(blocks.back());
        }
    }).join();
    CHECK(taken.contains(block));
    for (void* freed_by_another : blocks) {
        TlsMemory::release(freed_by_another);
    }
}
