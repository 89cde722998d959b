// Held transactions, found by device.

#include "proxy/gate/held.h"

#include <deque>
#include <set>
#include <vector>

#include <doctest/doctest.h>

using eg::gate::HeldIndex;
using eg::gate::ProxyTransaction;

namespace {

/// The index never follows the pointer: any address will do to tell them apart.
ProxyTransaction* transaction(std::deque<char>& memory) {
    return reinterpret_cast<ProxyTransaction*>(&memory.emplace_back());
}

struct Bench {
    HeldIndex index;
    std::deque<char> memory;
    std::deque<HeldIndex::Node> nodes;

    HeldIndex::Node& hold(std::uint64_t device) {
        auto& node = nodes.emplace_back();
        node.device = device;
        node.transaction = transaction(memory);
        index.insert(node);
        return node;
    }
    std::set<ProxyTransaction*> of(std::uint64_t device) {
        std::set<ProxyTransaction*> found;
        index.for_device(device, [&](ProxyTransaction& held) { found.insert(&held); });
        return found;
    }
};

}  // namespace

TEST_CASE("a device's held transactions are found, and no other's") {
    Bench bench;
    const auto& first = bench.hold(7);
    const auto& second = bench.hold(7);
    const auto& same_bucket = bench.hold(7 + HeldIndex::kBuckets);
    CHECK(bench.index.size() == 3);
    CHECK(bench.of(7) == std::set{first.transaction, second.transaction});
    CHECK(bench.of(7 + HeldIndex::kBuckets) == std::set{same_bucket.transaction});
    CHECK(bench.of(8).empty());
}

TEST_CASE("what is taken out is gone, twice is once") {
    Bench bench;
    auto& first = bench.hold(7);
    auto& second = bench.hold(7);
    auto& third = bench.hold(7);
    bench.index.erase(second);
    bench.index.erase(second);
    CHECK(bench.index.size() == 2);
    CHECK(bench.of(7) == std::set{first.transaction, third.transaction});
    bench.index.erase(third);
    bench.index.erase(first);
    CHECK(bench.of(7).empty());
    bench.index.insert(second);
    CHECK(bench.of(7) == std::set{second.transaction});
}

TEST_CASE("who is visited may take itself out") {
    Bench bench;
    for (int i = 0; i < 5; ++i) {
        bench.hold(7);
    }
    std::size_t visited = 0;
    bench.index.for_device(7, [&](ProxyTransaction& held) {
        ++visited;
        for (auto& node : bench.nodes) {
            if (node.transaction == &held) {
                bench.index.erase(node);
            }
        }
    });
    CHECK(visited == 5);
    CHECK(bench.index.size() == 0);
}

TEST_CASE("all slices together are everything, once") {
    Bench bench;
    for (std::uint64_t i = 0; i < 5000; ++i) {
        bench.hold(i * 0x9E3779B97F4A7C15U);
    }
    std::multiset<ProxyTransaction*> visited;
    for (std::size_t slice = 0; slice < HeldIndex::kSlices; ++slice) {
        bench.index.for_slice(slice, [&](ProxyTransaction& held) { visited.insert(&held); });
    }
    CHECK(visited.size() == 5000);
    CHECK(std::set(visited.begin(), visited.end()).size() == 5000);
}
