#include "proxy/net/buffer.h"

#include <cstring>
#include <utility>

#include "proxy/base/check.h"

namespace eg::net {

namespace {

// As many as are in use at once under load: with 64 requests on their way each side has some.
constexpr std::size_t kKept = 256;

}  // namespace

std::unique_ptr<char[]> BufferPool::take() {
    if (free_.empty()) {
        return std::make_unique_for_overwrite<char[]>(kBufferBytes);
    }
    auto memory = std::move(free_.back());
    free_.pop_back();
    return memory;
}

void BufferPool::give(std::unique_ptr<char[]> memory) {
    if (free_.size() < kKept) {
        free_.push_back(std::move(memory));
    }
}

Buffer::Buffer(Buffer&& other) noexcept
    : pool_(other.pool_),
      memory_(std::move(other.memory_)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
    if (this != &other) {
        release();
        pool_ = other.pool_;
        memory_ = std::move(other.memory_);
        begin_ = std::exchange(other.begin_, 0);
        end_ = std::exchange(other.end_, 0);
    }
    return *this;
}

std::span<char> Buffer::space() {
    if (memory_ == nullptr) {
        memory_ = pool_->take();
    }
    constexpr std::size_t kLeastRoom = 8 * 1024;
    if (begin_ != 0 && kBufferBytes - end_ < kLeastRoom) {
        std::memmove(memory_.get(), memory_.get() + begin_, size());
        end_ -= begin_;
        begin_ = 0;
    }
    return {memory_.get() + end_, kBufferBytes - end_};
}

void Buffer::consume(std::size_t count) {
    EG_CHECK(count <= size());
    begin_ += count;
    if (begin_ == end_) {
        begin_ = 0;
        end_ = 0;
    }
}

void Buffer::release_if_empty() {
    if (empty()) {
        release();
    }
}

void Buffer::release() {
    if (memory_ != nullptr) {
        pool_->give(std::move(memory_));
    }
    begin_ = 0;
    end_ = 0;
}

}  // namespace eg::net
