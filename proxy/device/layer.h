/// A sealed set of packed records and the index over them: what a DeviceTable is made of.
///
/// Filled by one thread, then sealed and never changed again. Each record is indexed as it comes:
/// a list of a million is in force a moment after its last byte. Its pages are taken from the
/// system and given back as a whole, so that the memory of a replaced table really returns.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/device/id_key.h"
#include "proxy/device/record.h"
#include "proxy/device/record_format.h"

namespace eg::device {

/// Anonymous zeroed pages. data() is null if the system gave none.
class Pages {
  public:
    explicit Pages(std::size_t bytes);
    ~Pages();
    Pages(Pages&& other) noexcept;
    Pages& operator=(Pages&&) = delete;
    Pages(const Pages&) = delete;

    [[nodiscard]] unsigned char* data() const { return data_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    unsigned char* data_ = nullptr;
    std::size_t bytes_ = 0;
};

class Layer {
  public:
    Layer() = default;
    Layer(const Layer&) = delete;
    Layer& operator=(const Layer&) = delete;

    /// Takes an index for so many records, where there is none yet, so that it needn't grow. What
    /// is promised and doesn't come costs address space only, and a promise counts up to
    /// kMostExpected.
    void expect(std::uint64_t records);
    /// Copies a packed record and indexes it; where an id occurs more than once its last record
    /// counts. False if there is no room: 4 GiB, or no memory.
    [[nodiscard]] bool append(std::span<const unsigned char> record);
    /// Nothing is appended from now on. False if no memory.
    [[nodiscard]] bool seal();

    /// The packed record with this key, or null. Sealed layers only.
    [[nodiscard]] const unsigned char* find(const IdKey& key) const;
    /// Starts to fetch from memory what find() will read first.
    void prefetch(const IdKey& key) const { __builtin_prefetch(slots_ + first_slot(key)); }
    /// False: no record is the hexadecimal spelling of a text id of so many bytes.
    [[nodiscard]] bool may_spell(std::size_t bytes) const {
        return spelled_.test(std::min(bytes, spelled_.size() - 1));
    }
    [[nodiscard]] std::size_t size() const { return live_; }
    /// Records that count, by State.
    [[nodiscard]] const std::array<std::size_t, 5>& counts() const { return counts_; }
    /// The packed record at a place that for_each_place() told.
    [[nodiscard]] const unsigned char* record(std::uint32_t place) const { return at(place); }
    [[nodiscard]] std::size_t memory_bytes() const;

    /// Calls `use` with each packed record that counts and its key, in the order in which they
    /// came. Sealed layers only.
    template <typename Use>
    void for_each(Use&& use) const;
    /// Calls `use` with each packed record, also those that a later one of the same id replaces.
    template <typename Use>
    void for_each_appended(Use&& use) const;

    /// The same with the place of each.
    template <typename Use>
    void for_each_place(Use&& use) const;

  private:
    // Untouched memory costs address space only; and of few chunks the pointers stay in the cache.
    static constexpr std::size_t kChunk = std::size_t{16} * 1024 * 1024;
    static constexpr std::size_t kMostExpected = std::size_t{32} * 1024 * 1024;
    static_assert(kChunk >= format::kMostRecordBytes);

    struct Chunk {
        Pages pages;
        std::size_t used = 0;
    };
    [[nodiscard]] static State state_of(const unsigned char* record) {
        return static_cast<State>(*record & format::kStateMask);
    }
    [[nodiscard]] bool copy(std::span<const unsigned char> record);
    /// An index of so many slots over the records that are there. False, and the old one stays, if
    /// no memory.
    [[nodiscard]] bool index_all(std::size_t capacity);
    void index(const unsigned char* record, std::uint32_t place);
    /// Of the index. The tag spares a look at the record of another id, which would have to come
    /// from memory. Packed, since an index is as dear as the pages that it spreads over.
    struct [[gnu::packed]] Slot {
        std::uint32_t place = 0;  // offset + 1, 0 = free
        std::uint16_t tag = 0;    // of the hash, what the number of the slot doesn't say
    };
    [[nodiscard]] static std::uint16_t tag_of(const IdKey& key) {
        return static_cast<std::uint16_t>(key.hash());
    }
    /// Where the search for a key begins.
    [[nodiscard]] std::size_t first_slot(const IdKey& key) const {
        __extension__ using Wide = unsigned __int128;
        return static_cast<std::size_t>(Wide{key.hash()} * Wide{capacity_} >> 64U);
    }
    [[nodiscard]] const unsigned char* at(std::uint32_t place) const;
    /// The slot of the record with this key, or the free one where it belongs.
    [[nodiscard]] std::size_t probe(const IdKey& key) const;

    // What a look-up reads comes first, together.
    Slot* slots_ = nullptr;     // in index_
    std::size_t capacity_ = 0;  // slots
    std::vector<Chunk> chunks_;
    std::bitset<IdKey::kShort + 1> spelled_;  // may_spell(); all longer ids share the last bit
    std::vector<Pages> index_;                // none or one
    std::size_t appended_ = 0;
    std::size_t live_ = 0;
    std::array<std::size_t, 5> counts_{};
};

/// Whether an id is a text id in hexadecimal.
[[nodiscard]] bool spells_text(std::string_view id);

/// The length of a packed record that is known to be well formed.
[[nodiscard]] std::size_t packed_size(const unsigned char* record);

template <typename Use>
void Layer::for_each_appended(Use&& use) const {
    for (const Chunk& chunk : chunks_) {
        const unsigned char* const end = chunk.pages.data() + chunk.used;
        for (const unsigned char* record = chunk.pages.data(); record != end;) {
            use(record);
            record += packed_size(record);
        }
    }
}

template <typename Use>
void Layer::for_each_place(Use&& use) const {
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
        for (std::size_t used = 0; used < chunks_[i].used;) {
            const unsigned char* record = chunks_[i].pages.data() + used;
            use(record, static_cast<std::uint32_t>(i * kChunk + used + 1));
            used += packed_size(record);
        }
    }
}

template <typename Use>
void Layer::for_each(Use&& use) const {
    for_each_appended([&](const unsigned char* record) {
        const IdKey key(format::read_id(record));
        if (live_ == appended_ || find(key) == record) {
            use(record, key);
        }
    });
}

}  // namespace eg::device
