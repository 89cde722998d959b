#include "proxy/device/layer.h"

#include <sys/mman.h>

#include <cstring>
#include <limits>
#include <utility>

#include "proxy/base/text.h"

namespace eg::device {

namespace {

constexpr std::size_t kPage = 4096;

constexpr std::size_t round_up(std::size_t bytes) {
    return (bytes + kPage - 1) / kPage * kPage;
}

/// At most four fifths of the slots are taken, so that a search rarely leaves its cache line.
constexpr std::size_t capacity_for(std::size_t records) {
    return records + records / 4 + 1;
}

}  // namespace

Pages::Pages(std::size_t bytes) {
    void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages != MAP_FAILED) {
        data_ = static_cast<unsigned char*>(pages);
        bytes_ = bytes;
    }
}

Pages::~Pages() {
    if (data_ != nullptr) {
        munmap(data_, bytes_);
    }
}

Pages::Pages(Pages&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

std::size_t packed_size(const unsigned char* record) {
    const unsigned char* at = record + 1;
    (void)format::read_text(at);
    (void)format::read_text(at);
    for (std::size_t left = format::read_number(at); left > 0; --left) {
        (void)format::read_text(at);
    }
    const std::size_t keys = format::read_number(at);
    return static_cast<std::size_t>(at - record) + keys * sizeof(KeyHash);
}

bool spells_text(std::string_view id) {
    for (std::size_t i = 0; i + 1 < id.size(); i += 2) {
        const int high = hex_value(id[i]);
        const int low = hex_value(id[i + 1]);
        if (high < 0 || low < 0 || !is_alnum(static_cast<char>(high << 4 | low))) {
            return false;
        }
    }
    return !id.empty() && id.size() % 2 == 0;
}

void Layer::expect(std::uint64_t records) {
    if (index_.empty()) {
        // Without memory for it append() tries again, with what is really there.
        (void)index_all(capacity_for(std::min<std::uint64_t>(records, kMostExpected)));
    }
}

bool Layer::append(std::span<const unsigned char> record) {
    const std::size_t least = capacity_for(appended_ + 1);
    if (capacity_ < least && !index_all(std::max(least, 2 * capacity_))) {
        return false;
    }
    if (!copy(record)) {
        return false;
    }
    const std::size_t chunk = chunks_.size() - 1;
    const std::size_t offset = chunks_[chunk].used - record.size();
    index(chunks_[chunk].pages.data() + offset,
          static_cast<std::uint32_t>(chunk * kChunk + offset + 1));
    return true;
}

bool Layer::copy(std::span<const unsigned char> record) {
    if (chunks_.empty() || kChunk - chunks_.back().used < record.size()) {
        if (record.size() > kChunk ||
            chunks_.size() >= std::numeric_limits<std::uint32_t>::max() / kChunk) {
            return false;
        }
        chunks_.push_back(Chunk{Pages(kChunk)});
        if (chunks_.back().pages.data() == nullptr) {
            chunks_.pop_back();
            return false;
        }
    }
    Chunk& chunk = chunks_.back();
    std::memcpy(chunk.pages.data() + chunk.used, record.data(), record.size());
    chunk.used += record.size();
    ++appended_;
    return true;
}

bool Layer::seal() {
    return !index_.empty() || index_all(capacity_for(0));
}

bool Layer::index_all(std::size_t capacity) {
    Pages pages(capacity * sizeof(Slot));
    if (pages.data() == nullptr) {
        return false;
    }
    index_.clear();
    index_.push_back(std::move(pages));
    slots_ = reinterpret_cast<Slot*>(index_.front().data());
    capacity_ = capacity;
    live_ = 0;
    counts_ = {};
    for_each_place(
        [this](const unsigned char* record, std::uint32_t place) { index(record, place); });
    return true;
}

void Layer::index(const unsigned char* record, std::uint32_t place) {
    const std::string_view id = format::read_id(record);
    if (spells_text(id)) {
        spelled_.set(std::min(id.size() / 2, spelled_.size() - 1));
    }
    const IdKey key(id);
    Slot& taken = slots_[probe(key)];
    if (taken.place == 0) {
        ++live_;
    } else {
        --counts_[static_cast<std::size_t>(state_of(at(taken.place)))];
    }
    ++counts_[static_cast<std::size_t>(state_of(record))];
    taken = {.place = place, .tag = tag_of(key)};
}

const unsigned char* Layer::at(std::uint32_t place) const {
    const std::size_t offset = place - 1;
    return chunks_[offset / kChunk].pages.data() + offset % kChunk;
}

std::size_t Layer::probe(const IdKey& key) const {
    const std::uint16_t tag = tag_of(key);
    for (std::size_t slot = first_slot(key);; slot = slot + 1 == capacity_ ? 0 : slot + 1) {
        if (slots_[slot].place == 0) {
            return slot;
        }
        if (slots_[slot].tag != tag) {
            continue;
        }
        const unsigned char* record = at(slots_[slot].place);
        if (key.equals(format::read_id(record), (*record & format::kTextId) != 0)) {
            return slot;
        }
    }
}

const unsigned char* Layer::find(const IdKey& key) const {
    const std::uint32_t found = slots_[probe(key)].place;
    return found == 0 ? nullptr : at(found);
}

std::size_t Layer::memory_bytes() const {
    std::size_t bytes = sizeof *this;
    for (const Chunk& chunk : chunks_) {
        bytes += sizeof chunk + round_up(chunk.used);
    }
    return bytes + (index_.empty() ? 0 : round_up(index_.front().bytes()));
}

}  // namespace eg::device
