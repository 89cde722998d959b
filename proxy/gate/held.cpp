#include "proxy/gate/held.h"

#include "proxy/base/check.h"

namespace eg::gate {

void HeldIndex::insert(Node& node) {
    EG_CHECK(node.link == nullptr);
    Node*& head = buckets_[bucket_of(node)];
    node.next = head;
    node.link = &head;
    if (head != nullptr) {
        head->link = &node.next;
    }
    head = &node;
    ++size_;
}

void HeldIndex::erase(Node& node) {
    if (node.link == nullptr) {
        return;
    }
    *node.link = node.next;
    if (node.next != nullptr) {
        node.next->link = node.link;
    }
    node.next = nullptr;
    node.link = nullptr;
    --size_;
}

}  // namespace eg::gate
