/// Request bodies of unknown length, kept until their length is known (`upstream_chunked: length`).
///
/// A worker writes and reads the files itself: a piece of 64 KiB goes to the page cache, nothing is
/// ever synced, and a disk that is full ends that one request. Nobody but the process can open the
/// files, and they are gone with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/net/buffer.h"
#include "proxy/net/stream.h"

namespace eg::gate {

/// What the spooled bodies of a node hold together, in memory and in files. One for all workers;
/// any thread. The lock is held for a few instructions, and only by requests that are spooled.
class SpoolSpace {
  public:
    /// Whose body it is, and how much there may be.
    struct Claim {
        std::uint64_t device = 0;  // hash of its id; 0: all that name none are one
        std::uint64_t total = 0;   // of all bodies
        std::uint64_t of_one = 0;  // of those of one device
    };
    [[nodiscard]] bool reserve(const Claim& claim, std::uint64_t bytes);
    void release(const Claim& claim, std::uint64_t bytes);
    [[nodiscard]] std::uint64_t used() const;

  private:
    mutable std::mutex mutex_;
    std::uint64_t used_ = 0;
    std::unordered_map<std::uint64_t, std::uint64_t> of_devices_;  // none with 0 bytes
};

struct SpoolLimits {
    std::uint64_t memory = 0;  // of one body; what is more goes to a file
    std::uint64_t body = 0;    // the largest
    std::uint64_t total = 0;   // of all at a time
};

/// One body: first filled, then read by a Relay, whose source it is. One thread.
///
/// It is the third Stream, and half a one: so the Relay moves a spooled body like any other.
class Spool final : public net::Stream {
  public:
    enum class Status : std::uint8_t {
        ok,
        too_large,  // more than SpoolLimits::body
        no_room,    // SpoolSpace is used up, or this device's share of it
        failed,     // no file can be made or written; see failure()
    };

    /// A device's share is an eighth of the whole, but never less than two bodies.
    Spool(SpoolSpace& space, std::uint64_t device, const SpoolLimits& limits, std::string directory,
          net::BufferPool& pool);
    ~Spool() override;
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    /// The next piece of the body. After another status than ok nothing more may be added.
    [[nodiscard]] Status append(std::string_view piece);
    /// The body is whole: from here on it is read. Its start lies in input() already, so that a
    /// small body can be sent again.
    [[nodiscard]] Status finish();

    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] bool in_file() const { return file_ >= 0; }
    [[nodiscard]] int failure() const { return errno_; }
    [[nodiscard]] net::Buffer& input() { return input_; }

    // The Stream, of which only read() means something.
    net::IoResult handshake() override { return {.status = net::IoStatus::ok}; }
    net::IoResult read(std::span<char> into) override;
    net::IoResult write(std::span<const std::string_view>) override {
        return {.status = net::IoStatus::error};
    }
    void shutdown() override {}
    void free_buffers() override {}

  private:
    [[nodiscard]] bool open();
    [[nodiscard]] bool flush();
    Status fail();

    SpoolSpace& space_;
    SpoolSpace::Claim claim_;
    SpoolLimits limits_;
    std::string directory_;
    net::Buffer input_;
    std::string memory_;  // the body, or with a file what isn't written yet
    std::uint64_t size_ = 0;
    std::uint64_t written_ = 0;  // to the file
    std::uint64_t read_ = 0;
    int file_ = -1;
    int errno_ = 0;
};

}  // namespace eg::gate
