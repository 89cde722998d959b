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

constexpr Index kMostBlocks = Index{1} << 21;  // 48 GiB of addresses, of no memory
constexpr Index kFewBlocks = 64;               // made usable in one step
constexpr std::size_t kWarm = 128;             // free ones of a thread that keep their pages

// All blocks lie side by side in one range of addresses, so that a look at a pointer tells whose it
// is. Null until the first block is asked for, and where there is no such range. Written once,
// before there are threads.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
char* range = nullptr;

[[nodiscard]] char* block_at(Index index) {
    return range + index * TlsMemory::kBlockBytes;
}
[[nodiscard]] Index index_of(const void* block) {
    return static_cast<Index>(static_cast<std::size_t>(static_cast<const char*>(block) - range) /
                              TlsMemory::kBlockBytes);
}

/// What no thread has as its own.
class Stock {
  public:
    Stock() {
        constexpr std::size_t kBytes = kMostBlocks * TlsMemory::kBlockBytes;
        void* reserved =
            ::mmap(nullptr, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (reserved != MAP_FAILED) {
            range = static_cast<char*>(reserved);
            // A huge page would stay whole for one block in it.
            ::madvise(reserved, kBytes, MADV_NOHUGEPAGE);
        }
    }

    /// Some free blocks; none when memory or addresses are at an end.
    void take(std::vector<Index>& free) {
        const std::lock_guard lock(mutex_);
        if (!given_.empty()) {
            const std::size_t count = std::min<std::size_t>(given_.size(), kFewBlocks);
            free.insert(free.end(), given_.end() - static_cast<std::ptrdiff_t>(count),
                        given_.end());
            given_.resize(given_.size() - count);
            return;
        }
        if (range == nullptr || used_ + kFewBlocks > kMostBlocks ||
            ::mprotect(block_at(used_), kFewBlocks * TlsMemory::kBlockBytes,
                       PROT_READ | PROT_WRITE) != 0) {
            return;
        }
        for (Index i = kFewBlocks; i > 0; --i) {
            free.push_back(used_ + i - 1);
        }
        used_ += kFewBlocks;
    }

    /// The free blocks of a thread that ends.
    void give(const std::vector<Index>& free) {
        const std::lock_guard lock(mutex_);
        given_.insert(given_.end(), free.begin(), free.end());
    }

  private:
    std::mutex mutex_;
    Index used_ = 0;
    std::vector<Index> given_;
};

// Never destroyed: OpenSSL frees memory until the very end of the process.
Stock& stock() {
    static Stock* const kStock = new Stock;
    return *kStock;
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

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): OpenSSL asks from anywhere
thread_local bool thread_ends = false;
thread_local FreeBlocks free_blocks;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

FreeBlocks::~FreeBlocks() {
    thread_ends = true;
    stock().give(warm);
    stock().give(cold);
}

void* take_block() {
    if (thread_ends) {
        return nullptr;
    }
    auto& free = free_blocks.warm.empty() ? free_blocks.cold : free_blocks.warm;
    if (free.empty()) {
        stock().take(free);
        if (free.empty()) {
            return nullptr;
        }
    }
    const Index index = free.back();
    free.pop_back();
    return block_at(index);
}

void free_block(void* memory) {
    const Index index = index_of(memory);
    if (!thread_ends && free_blocks.warm.size() < kWarm) {
        free_blocks.warm.push_back(index);
        return;
    }
    ::madvise(memory, TlsMemory::kBlockBytes, MADV_DONTNEED);
    if (thread_ends) {
        stock().give({index});
    } else {
        free_blocks.cold.push_back(index);
    }
}

// [[gnu::flatten]]: OpenSSL asks some hundred times in a handshake.
[[gnu::flatten]] void* openssl_allocate(std::size_t bytes, const char*, int) {
    return TlsMemory::allocate(bytes);
}

void* openssl_reallocate(void* memory, std::size_t bytes, const char*, int) {
    return TlsMemory::reallocate(memory, bytes);
}

[[gnu::flatten]] void openssl_release(void* memory, const char*, int) {
    TlsMemory::release(memory);
}

}  // namespace

bool install_tls_memory() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    constexpr bool kWanted = false;  // a use after the end must show
#else
    constexpr bool kWanted = true;
#endif
    stock();
    return kWanted &&
           CRYPTO_set_mem_functions(openssl_allocate, openssl_reallocate, openssl_release) == 1;
}

bool TlsMemory::owns(const void* memory) {
    return reinterpret_cast<std::uintptr_t>(memory) - reinterpret_cast<std::uintptr_t>(range) <
               kMostBlocks * kBlockBytes &&
           range != nullptr;
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
