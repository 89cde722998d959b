#include "proxy/net/tls_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include <openssl/crypto.h>

namespace eg::net {

namespace {

using Index = std::uint32_t;

constexpr std::size_t kMostBlocks = std::size_t{1} << 21;  // 48 GiB of addresses, of no memory
constexpr std::size_t kFewBlocks = 64;                     // made usable in one step
constexpr std::size_t kWarm = 128;  // free ones of a thread that keep their pages

/// All blocks, side by side in one range of addresses, so that a look at a pointer tells whose it
/// is.
class Region {
  public:
    Region() {
        void* range = ::mmap(nullptr, kMostBlocks * TlsMemory::kBlockBytes, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (range != MAP_FAILED) {
            begin_ = static_cast<char*>(range);
            // A huge page would stay whole for one block in it.
            ::madvise(range, kMostBlocks * TlsMemory::kBlockBytes, MADV_NOHUGEPAGE);
        }
    }

    [[nodiscard]] bool contains(const void* memory) const {
        return reinterpret_cast<std::uintptr_t>(memory) - reinterpret_cast<std::uintptr_t>(begin_) <
                   kMostBlocks * TlsMemory::kBlockBytes &&
               begin_ != nullptr;
    }
    [[nodiscard]] char* at(Index index) const { return begin_ + index * TlsMemory::kBlockBytes; }
    [[nodiscard]] Index index_of(const void* memory) const {
        return static_cast<Index>(
            static_cast<std::size_t>(static_cast<const char*>(memory) - begin_) /
            TlsMemory::kBlockBytes);
    }

    /// Some free blocks; none when memory or addresses are at an end.
    void refill(std::vector<Index>& free) {
        const std::lock_guard lock(mutex_);
        if (!given_.empty()) {
            const std::size_t count = std::min(given_.size(), kFewBlocks);
            free.insert(free.end(), given_.end() - static_cast<std::ptrdiff_t>(count),
                        given_.end());
            given_.resize(given_.size() - count);
            return;
        }
        if (begin_ == nullptr || used_ + kFewBlocks > kMostBlocks ||
            ::mprotect(at(static_cast<Index>(used_)), kFewBlocks * TlsMemory::kBlockBytes,
                       PROT_READ | PROT_WRITE) != 0) {
            return;
        }
        for (std::size_t i = kFewBlocks; i > 0; --i) {
            free.push_back(static_cast<Index>(used_ + i - 1));
        }
        used_ += kFewBlocks;
    }

    /// The free blocks of a thread that ends.
    void give(const std::vector<Index>& free) {
        const std::lock_guard lock(mutex_);
        given_.insert(given_.end(), free.begin(), free.end());
    }

  private:
    char* begin_ = nullptr;
    std::mutex mutex_;
    std::size_t used_ = 0;
    std::vector<Index> given_;
};

// Never destroyed: OpenSSL frees memory until the very end of the process.
Region& region() {
    static Region* const kRegion = new Region;
    return *kRegion;
}

/// The free blocks of a thread: the last one freed is the next one used, since it is still in the
/// cache.
struct FreeBlocks {
    FreeBlocks() = default;
    FreeBlocks(const FreeBlocks&) = delete;
    FreeBlocks& operator=(const FreeBlocks&) = delete;
    ~FreeBlocks();
    std::vector<Index> warm;
    std::vector<Index> cold;  // without pages
};

thread_local bool thread_ends = false;
thread_local FreeBlocks free_blocks;

FreeBlocks::~FreeBlocks() {
    thread_ends = true;
    region().give(warm);
    region().give(cold);
}

void* take_block() {
    if (thread_ends) {
        return nullptr;
    }
    auto& free = free_blocks.warm.empty() ? free_blocks.cold : free_blocks.warm;
    if (free.empty()) {
        region().refill(free);
        if (free.empty()) {
            return nullptr;
        }
    }
    const Index index = free.back();
    free.pop_back();
    return region().at(index);
}

void free_block(void* memory) {
    const Index index = region().index_of(memory);
    if (!thread_ends && free_blocks.warm.size() < kWarm) {
        free_blocks.warm.push_back(index);
        return;
    }
    ::madvise(memory, TlsMemory::kBlockBytes, MADV_DONTNEED);
    if (thread_ends) {
        region().give({index});
    } else {
        free_blocks.cold.push_back(index);
    }
}

void* openssl_allocate(std::size_t bytes, const char*, int) {
    return TlsMemory::allocate(bytes);
}

void* openssl_reallocate(void* memory, std::size_t bytes, const char*, int) {
    return TlsMemory::reallocate(memory, bytes);
}

void openssl_release(void* memory, const char*, int) {
    TlsMemory::release(memory);
}

}  // namespace

bool install_tls_memory() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;  // a use after the end must show
#else
    return CRYPTO_set_mem_functions(openssl_allocate, openssl_reallocate, openssl_release) == 1;
#endif
}

bool TlsMemory::owns(const void* memory) {
    return region().contains(memory);
}

void* TlsMemory::allocate(std::size_t bytes) {
    if (bytes >= kLeastBytes && bytes <= kBlockBytes) {
        if (void* block = take_block(); block != nullptr) {
            return block;
        }
    }
    return bytes == 0 ? nullptr : std::malloc(bytes);
}

void* TlsMemory::reallocate(void* memory, std::size_t bytes) {
    if (memory == nullptr) {
        return allocate(bytes);
    }
    if (bytes == 0) {
        release(memory);
        return nullptr;
    }
    if (!owns(memory)) {
        return std::realloc(memory, bytes);
    }
    if (bytes <= kBlockBytes) {
        return memory;
    }
    void* larger = std::malloc(bytes);
    if (larger != nullptr) {
        std::memcpy(larger, memory, kBlockBytes);
        free_block(memory);
    }
    return larger;
}

void TlsMemory::release(void* memory) {
    if (owns(memory)) {
        free_block(memory);
    } else {
        std::free(memory);
    }
}

}  // namespace eg::net
