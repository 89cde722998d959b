/// A Stream fed by a script: what each read gives and how much each write takes.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/net/stream.h"

namespace eg::test {

class FakeStream final : public net::Stream {
  public:
    /// The next read gives these bytes (in several reads, where less is asked for).
    FakeStream& gives(std::string bytes) {
        reads_.push_back({net::IoStatus::ok, std::move(bytes)});
        return *this;
    }
    /// The next read gives `again`, `eof` or `error`. The last two are given for ever.
    FakeStream& gives(net::IoStatus status) {
        reads_.push_back({status, {}});
        return *this;
    }
    /// The next write takes at most so many bytes; 0 = `again`. Without a script it takes all.
    FakeStream& takes(std::size_t bytes) {
        writes_.push_back(bytes);
        return *this;
    }
    void break_writing() { write_breaks_ = true; }

    net::IoResult handshake() override { return {.status = net::IoStatus::ok}; }
    net::IoResult read(std::span<char> into) override {
        ++read_calls_;
        if (reads_.empty()) {
            return {};
        }
        auto& [status, bytes] = reads_.front();
        if (status == net::IoStatus::ok) {
            const std::size_t count = std::min(into.size(), bytes.size());
            std::copy_n(bytes.begin(), count, into.begin());
            bytes.erase(0, count);
            if (bytes.empty()) {
                reads_.pop_front();
            }
            return {.status = net::IoStatus::ok, .bytes = count};
        }
        const net::IoResult result{.status = status, .sys_errno = 0};
        if (status == net::IoStatus::again) {
            reads_.pop_front();
        }
        return result;
    }
    net::IoResult write(std::span<const std::string_view> pieces) override {
        if (write_breaks_) {
            return {.status = net::IoStatus::error, .sys_errno = EPIPE};
        }
        std::string all;
        for (const auto& piece : pieces) {
            all += piece;
        }
        std::size_t count = all.size();
        if (!writes_.empty()) {
            count = std::min(count, writes_.front());
            writes_.pop_front();
            if (count == 0 && !all.empty()) {
                return {};
            }
        }
        written_.append(all, 0, count);
        return {.status = net::IoStatus::ok, .bytes = count};
    }
    void shutdown() override {}
    void free_buffers() override {}

    [[nodiscard]] const std::string& written() const { return written_; }
    [[nodiscard]] std::size_t read_calls() const { return read_calls_; }

  private:
    struct Read {
        net::IoStatus status;
        std::string bytes;
    };
    std::deque<Read> reads_;
    std::deque<std::size_t> writes_;
    std::string written_;
    std::size_t read_calls_ = 0;
    bool write_breaks_ = false;
};

}  // namespace eg::test
