#include "proxy/device/user_index.h"

#include <tuple>
#include <utility>
#include <vector>

#include "proxy/device/record.h"

namespace eg::device {

namespace {

/// Calls `use` with each different key of the users of an allowed record; with that of the empty
/// name for one that any user may use.
template <typename Use>
void for_each_key(const unsigned char* record, UserKey key, std::vector<std::uint32_t>& seen,
                  Use&& use) {
    if (static_cast<State>(*record & format::kStateMask) != State::allow) {
        return;
    }
    const unsigned char* at = record + 1;
    (void)format::read_text(at);
    (void)format::read_text(at);
    seen.clear();
    std::size_t left = format::read_number(at);
    if (left == 0) {
        use(key(""));
    }
    for (; left > 0; --left) {
        const std::uint32_t one = key(format::read_text(at));
        if (std::ranges::find(seen, one) == seen.end()) {
            seen.push_back(one);
            use(one);
        }
    }
}

}  // namespace

UserIndex::UserIndex(std::shared_ptr<const Layer> layer, std::size_t count)
    : layer_(std::move(layer)),
      count_(count),
      pages_(std::max<std::size_t>(count, 1) * sizeof(Entry)) {}

std::shared_ptr<const UserIndex> UserIndex::make(std::shared_ptr<const Layer> layer, UserKey key) {
    std::vector<std::uint32_t> seen;
    std::size_t count = 0;
    layer->for_each_place([&](const unsigned char* record, std::uint32_t) {
        for_each_key(record, key, seen, [&](std::uint32_t) { ++count; });
    });
    std::shared_ptr<UserIndex> index(new UserIndex(std::move(layer), count));
    auto* const entries = reinterpret_cast<Entry*>(index->pages_.data());
    if (entries == nullptr) {
        return nullptr;
    }
    std::size_t filled = 0;
    index->layer_->for_each_place([&](const unsigned char* record, std::uint32_t place) {
        for_each_key(record, key, seen,
                     [&](std::uint32_t one) { entries[filled++] = Entry{one, place}; });
    });
    std::sort(entries, entries + count, [](const Entry& a, const Entry& b) {
        return std::tie(a.key, a.place) < std::tie(b.key, b.place);
    });
    return index;
}

}  // namespace eg::device
