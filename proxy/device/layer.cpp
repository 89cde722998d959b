#include "proxy/device/layer.h"

#include <sys/mman.h>

#include <bit>
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

bool Layer::append(std::span<const unsigned char> record) {
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
    // Between a third and two thirds of the slots are taken, so that a probe rarely needs a second
    // step.
    const std::size_t capacity = std::bit_ceil(appended_ + appended_ / 2 + 1);
    index_.clear();
    index_.emplace_back(capacity * sizeof(std::uint32_t));
    if (index_.back().data() == nullptr) {
        index_.clear();
        return false;
    }
    mask_ = capacity - 1;
    live_ = 0;
    spelled_.reset();
    auto* const table = reinterpret_cast<std::uint32_t*>(index_.back().data());
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
        for (std::size_t used = 0; used < chunks_[i].used;) {
            const unsigned char* record = chunks_[i].pages.data() + used;
            const std::string_view id = format::read_id(record);
            if (spells_text(id)) {
                spelled_.set(std::min(id.size() / 2, spelled_.size() - 1));
            }
            const std::size_t slot = probe(IdKey(id));
            live_ += table[slot] == 0 ? 1 : 0;
            table[slot] = static_cast<std::uint32_t>(i * kChunk + used + 1);
            used += packed_size(record);
        }
    }
    return true;
}

const std::uint32_t* Layer::slots() const {
    return reinterpret_cast<const std::uint32_t*>(index_.front().data());
}

const unsigned char* Layer::at(std::uint32_t slot) const {
    const std::size_t offset = slot - 1;
    return chunks_[offset / kChunk].pages.data() + offset % kChunk;
}

std::size_t Layer::probe(const IdKey& key) const {
    const std::uint32_t* const table = slots();
    for (std::size_t slot = key.hash() & mask_;; slot = (slot + 1) & mask_) {
        if (table[slot] == 0) {
            return slot;
        }
        const unsigned char* record = at(table[slot]);
        if (key.equals(format::read_id(record), (*record & format::kTextId) != 0)) {
            return slot;
        }
    }
}

const unsigned char* Layer::find(const IdKey& key) const {
    const std::uint32_t found = slots()[probe(key)];
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
