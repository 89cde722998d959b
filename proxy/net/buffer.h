/// Memory for bytes in flight, lent by a worker's pool. A waiting connection owns none.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace eg::net {

/// Room for the largest head that the configuration allows (64 KiB) and what we add to it.
inline constexpr std::size_t kBufferBytes = 72 * 1024;

/// Keeps freed buffers of one thread for the next user; the pages of a warm buffer stay in the
/// cache.
class BufferPool {
  public:
    [[nodiscard]] std::unique_ptr<char[]> take();
    void give(std::unique_ptr<char[]> memory);

  private:
    std::vector<std::unique_ptr<char[]>> free_;
};

/// Bytes that were read and not yet used up: [begin, end) of memory lent by a pool, or nothing.
class Buffer {
  public:
    explicit Buffer(BufferPool& pool) : pool_(&pool) {}
    ~Buffer() { release(); }
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&& other) noexcept;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    [[nodiscard]] std::string_view view() const { return {memory_.get() + begin_, end_ - begin_}; }
    [[nodiscard]] bool empty() const { return begin_ == end_; }
    [[nodiscard]] std::size_t size() const { return end_ - begin_; }

    /// Where more bytes can be put; takes memory from the pool at need, and moves what is left to
    /// the front when the room at the end is short. Empty only if the buffer is full.
    [[nodiscard]] std::span<char> space();
    void commit(std::size_t count) { end_ += count; }
    void consume(std::size_t count);
    /// Gives the memory back if nothing is in it.
    void release_if_empty();
    void release();

  private:
    BufferPool* pool_;
    std::unique_ptr<char[]> memory_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace eg::net
