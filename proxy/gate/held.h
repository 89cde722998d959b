/// The transactions of one instance on one worker that wait for a late answer, found by device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace eg::gate {

class ProxyTransaction;

/// An intrusive hash table: a held transaction costs its node, nothing else.
class HeldIndex {
  public:
    struct Node {
        Node* next = nullptr;
        Node** link = nullptr;  // null = not held
        std::uint64_t device = 0;
        ProxyTransaction* transaction = nullptr;
    };

    HeldIndex() : buckets_(kBuckets) {}
    void insert(Node& node);
    void erase(Node& node);
    [[nodiscard]] std::size_t size() const { return size_; }

    /// Calls `use` with each held transaction of a device. `use` may end it.
    template <typename Use>
    void for_device(std::uint64_t device, Use&& use) {
        visit(buckets_[device % kBuckets], [&](Node& node) {
            if (node.device == device) {
                use(*node.transaction);
            }
        });
    }
    /// Calls `use` with each held transaction of the slice; slices are 0 to kSlices - 1, so that a
    /// look at all of them can be spread over several turns.
    template <typename Use>
    void for_slice(std::size_t slice, Use&& use) {
        for (std::size_t b = slice; b < kBuckets; b += kSlices) {
            visit(buckets_[b], [&](Node& node) { use(*node.transaction); });
        }
    }

    /// The same with buckets `from` to `to` - 1: 0 to kBuckets - 1. Devices are even over them.
    template <typename Use>
    void for_buckets(std::size_t from, std::size_t to, Use&& use) {
        for (std::size_t b = from; b < to; ++b) {
            visit(buckets_[b], [&](Node& node) { use(*node.transaction); });
        }
    }
    /// What names no device is never looked for by it, and lies anywhere.
    [[nodiscard]] static std::size_t bucket_of(const Node& node) {
        constexpr unsigned kLine = 6;  // bits of an address that are the same for all
        return (node.device != 0 ? node.device : reinterpret_cast<std::uintptr_t>(&node) >> kLine) %
               kBuckets;
    }

    static constexpr std::size_t kBuckets = 16'384;
    static constexpr std::size_t kSlices = 64;

  private:
    template <typename Use>
    static void visit(Node* node, Use&& use) {
        while (node != nullptr) {
            Node* next = node->next;  // `use` may take this one out, never another
            use(*node);
            node = next;
        }
    }
    std::vector<Node*> buckets_;
    std::size_t size_ = 0;
};

}  // namespace eg::gate
