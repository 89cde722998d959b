/// What lies between OpenSSL and a Socket: a BIO that lets Socket decide whether a system call can
/// do anything, sends without SIGPIPE, and gathers records so that several leave in one call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <openssl/bio.h>
#include <openssl/crypto.h>

#include "proxy/net/record_protection.h"
#include "proxy/net/socket.h"

namespace eg::net {

/// Where records wait for those that are sealed after them. Of the thread, and empty between two
/// calls of TlsStream.
struct Cork {
    static constexpr std::size_t kMostRecords = 5;                   // a full buffer of ours
    static constexpr std::size_t kSealedBytes = kRecordBytes + 512;  // the most of a sealed record

    std::array<char, kMostRecords * kSealedBytes> bytes;
    std::size_t used = 0;

    [[nodiscard]] static Cork& of_thread();
    [[nodiscard]] bool has_room(std::size_t records) const;
    [[nodiscard]] bool add(std::string_view piece);  // false: no room
    /// Where the next record can be put, kSealedBytes if has_room(); then commit().
    [[nodiscard]] char* room() { return bytes.data() + used; }
    void commit(std::size_t count) { used += count; }
    [[nodiscard]] std::string_view view() const { return {bytes.data(), used}; }
    /// All that it holds, valid until the next add().
    [[nodiscard]] std::string_view take();
};

/// What came from the socket ahead of its reader. Mostly nothing, and then it owns no memory: a
/// record mostly comes whole.
class Inbox {
  public:
    static constexpr std::size_t kBytes = 24 * 1024;  // a record, and half of the next

    [[nodiscard]] std::span<char> bytes() { return {memory_.get() + begin_, size()}; }
    [[nodiscard]] std::size_t size() const { return end_ - begin_; }
    [[nodiscard]] bool empty() const { return begin_ == end_; }
    void consume(std::size_t count) { begin_ += static_cast<std::uint32_t>(count); }
    /// Reads from the socket what it has, as far as there is room: for kBytes in all.
    IoResult fill(Socket& socket);
    void release_if_empty();

  private:
    struct Free {
        void operator()(char* p) const { OPENSSL_free(p); }
    };
    std::unique_ptr<char, Free> memory_;  // of TlsMemory
    std::uint32_t begin_ = 0;
    std::uint32_t end_ = 0;
};

/// The data of the BIO.
struct TlsWire {
    explicit TlsWire(Socket& connected) : socket(connected) {}

    Socket& socket;
    Inbox inbox;
    std::vector<char> unsent;   // sealed, and the socket took no more
    std::size_t held_back = 0;  // plain bytes at the end of `unsent` that weren't reported written
    /// How many records may be sealed before the socket is asked: one after it took less than it
    /// was given, then one more each few writes that it took whole. So a slow reader holds a record
    /// or two that are sealed, not a buffer full of them, and a fast one pays no more calls.
    std::size_t ahead = Cork::kMostRecords;
    unsigned whole_writes = 0;
    bool corked = false;       // records go to the cork, which has room: see uncork()
    bool defers = false;       // a flight of the handshake: see flush_deferred()
    bool reads_ahead = false;  // through the inbox, of which OpenSSL takes no more than it needs

    /// What was sealed while `defers` was set leaves; ok when nothing is left.
    IoResult flush_deferred();
    /// What is unsent leaves, and what is in the cork. `total` and `last`: plain bytes in all, and
    /// of the last record. Returns: the plain bytes that count as written.
    IoResult uncork(std::size_t total, std::size_t last);
    /// What the cork holds leaves with the next flush.
    void keep_corked();
    /// Sends what is unsent; ok when nothing is left.
    IoResult flush();

    /// To the BIO: what the socket or the inbox has.
    IoResult receive(std::span<char> into);
    /// From the BIO: one record, or a part of one. The bytes that count as sent.
    IoResult send(std::string_view piece);

  private:
    void defer(std::string_view piece);
    /// Sends what is unsent, and `piece` behind it. The bytes of `piece` that went; `again` if none
    /// did.
    IoResult send_with(std::string_view piece);
};

/// A new BIO over `wire`, which outlives it.
[[nodiscard]] BIO* new_wire_bio(TlsWire& wire);

}  // namespace eg::net
