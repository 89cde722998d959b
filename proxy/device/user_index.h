/// Finds the devices of one layer by the name of their user. Built only where somebody asks so
/// (EWS requests carry no device id): 8 bytes for each permitted device and name.
///
/// Immutable once made; shared by tables as the layers are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "proxy/device/layer.h"

namespace eg::device {

/// A hash of a user's name, the same for all its spellings.
using UserKey = std::uint32_t (*)(std::string_view name);

class UserIndex {
  public:
    /// Of the records of `layer` that are allowed; those that any user may use are found by the
    /// empty name. Null if there is no memory. Cost:
    /// half a second for a million records.
    [[nodiscard]] static std::shared_ptr<const UserIndex> make(std::shared_ptr<const Layer> layer,
                                                               UserKey key);

    [[nodiscard]] const Layer* layer() const { return layer_.get(); }
    [[nodiscard]] std::size_t memory_bytes() const { return pages_.bytes(); }

    /// Calls `use` with each packed record under this key until it returns true; returns whether
    /// one did. A record may have been replaced in a newer layer, or later in this one.
    template <typename Use>
    bool any_of(std::uint32_t key, Use&& use) const {
        const auto entries = this->entries();
        const auto* at = std::lower_bound(
            entries.data(), entries.data() + entries.size(), key,
            [](const Entry& entry, std::uint32_t wanted) { return entry.key < wanted; });
        for (; at != entries.data() + entries.size() && at->key == key; ++at) {
            if (use(layer_->record(at->place))) {
                return true;
            }
        }
        return false;
    }

  private:
    struct Entry {
        std::uint32_t key;
        std::uint32_t place;  // Layer::record()
    };
    UserIndex(std::shared_ptr<const Layer> layer, std::size_t count);
    [[nodiscard]] std::span<const Entry> entries() const {
        return {reinterpret_cast<const Entry*>(pages_.data()), count_};
    }

    std::shared_ptr<const Layer> layer_;
    std::size_t count_;
    Pages pages_;
};

}  // namespace eg::device
