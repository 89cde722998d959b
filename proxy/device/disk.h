/// The few things that the state file asks of a disk: read, replace as a whole, append for good.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proxy/base/error.h"

namespace eg::device::disk {

/// An open file; closes it.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor();
    Descriptor(Descriptor&& other) noexcept;
    Descriptor& operator=(Descriptor&& other) noexcept;

    [[nodiscard]] bool is_open() const { return number_ >= 0; }
    [[nodiscard]] int number() const { return number_; }

  private:
    int number_ = -1;
};

[[nodiscard]] Result<Descriptor> open_to_read(const std::string& path);
/// 0 at the end of the file.
[[nodiscard]] Result<std::size_t> read_some(const Descriptor& file, std::span<unsigned char> into);
/// At most `most` bytes of a file.
[[nodiscard]] Result<std::vector<unsigned char>> read_small(const std::string& path,
                                                            std::size_t most);

/// Opens a file that must have `size` bytes: appending to anything else would spoil it.
[[nodiscard]] Result<Descriptor> open_to_append(const std::string& path, std::uint64_t size);
/// Writes all of it and waits for the disk.
[[nodiscard]] Result<void> append(const Descriptor& file, std::span<const unsigned char> bytes);

/// Makes the file if it isn't there and locks it until the descriptor closes, also at a kill.
/// `unavailable` if another process (or another descriptor of ours) holds the lock.
[[nodiscard]] Result<Descriptor> lock(const std::string& path);

/// A new content for a file, which appears under its name at commit() or not at all. Mode 0600.
class Replacement {
  public:
    [[nodiscard]] static Result<Replacement> begin(const std::string& path);
    ~Replacement();
    Replacement(Replacement&& other) noexcept;
    Replacement& operator=(Replacement&&) = delete;

    /// Buffered; the first error is kept for commit().
    void write(std::span<const unsigned char> bytes);
    /// Syncs the file, gives it its name, syncs the folder.
    [[nodiscard]] Result<void> commit();

  private:
    Replacement(std::string path, Descriptor file)
        : path_(std::move(path)), file_(std::move(file)) {}
    void flush();

    std::string path_;  // empty once moved from or committed
    Descriptor file_;
    std::vector<unsigned char> buffer_;
    int error_ = 0;
};

}  // namespace eg::device::disk
