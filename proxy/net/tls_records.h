/// The records of a TLS 1.3 server once OpenSSL has shaken hands: application data both ways,
/// KeyUpdate and alerts (RFC 8446 4.6.3, 5 and 6). Bytes in, bytes out; no I/O.
///
/// Why: a connection that waits then needs no more than two secrets, where OpenSSL's object and
/// what hangs on it is 13.7 KiB, and a request takes a sixth fewer instructions. See decision 0010.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <openssl/ssl.h>

#include "proxy/net/record_protection.h"
#include "proxy/net/traffic_secrets.h"

namespace eg::net {

/// RFC 8446 6: those that are used here.
enum class AlertDescription : std::uint8_t {
    close_notify = 0,
    unexpected_message = 10,
    bad_record_mac = 20,
    record_overflow = 22,
    illegal_parameter = 47,
    decode_error = 50,
    internal_error = 80,
    user_canceled = 90,
};

class TlsRecords {
  public:
    /// The most that waits to be opened: a record of which the last byte is missing.
    static constexpr std::size_t kMostUnread = kRecordHeaderBytes + kMostSealedBytes;
    /// The most that seal() makes of a record: a KeyUpdate may go before it.
    static constexpr std::size_t kMostSealed = kRecordBytes + 2 * kSealOverhead + 5;

    /// `sealed`: how many records OpenSSL has sealed with the server's secret.
    TlsRecords(const RecordSuite& suite, const TrafficSecrets& secrets, std::uint64_t sealed);

    /// False: OpenSSL couldn't derive the keys (no memory).
    [[nodiscard]] bool usable() const { return opening_.usable() && sealing_.usable(); }

    enum class State : std::uint8_t {
        open,
        closed,   // by close_notify
        broken,   // by the peer: alert() tells it why
        aborted,  // by a fatal alert of the peer
    };
    struct Opened {
        std::size_t used = 0;   // of the sealed bytes
        std::size_t bytes = 0;  // written
    };

    /// Opens what it can of `sealed`, in its place or into `into`, and fills `into` with the
    /// application data in it. What isn't used must come again, at the front of the next call's
    /// `sealed` and with more behind it: part of a record, or what `into` had no room for.
    [[nodiscard]] Opened open(std::span<char> sealed, std::span<char> into);
    [[nodiscard]] State state() const { return state_; }
    /// What a `broken` connection tells the peer.
    [[nodiscard]] AlertDescription alert() const { return alert_; }

    /// One record of at most kRecordBytes to `out`, which has room for kMostSealed. Returns: bytes;
    /// 0 if OpenSSL failed (no memory): nothing can be sealed any more.
    [[nodiscard]] std::size_t seal(std::string_view content, char* out);
    /// An alert to `out`, likewise; fatal, except for close_notify.
    [[nodiscard]] std::size_t seal_alert(AlertDescription description, char* out);

    /// Gives back two kilobytes until the next record.
    void free_ciphers();

  private:
    [[nodiscard]] std::size_t take_rest(std::span<char> from, std::span<char> into);
    /// The length of the record at the front with its header; 0: not yet known, or broken.
    [[nodiscard]] std::size_t length_of(std::span<const char> sealed);
    /// What is in a record that isn't application data.
    void take_control(ContentType type, std::string_view content);
    void take_alert(std::string_view content);
    void take_handshake(std::string_view content);
    void break_off(AlertDescription why);

    RecordProtection opening_;
    RecordProtection sealing_;
    // Of a record that was opened in its place, and not all of it taken: bytes of content, and of
    // what follows them until the next record.
    std::uint32_t rest_ = 0;
    std::uint32_t rest_end_ = 0;
    std::uint32_t without_data_ = 0;  // records in a row
    State state_ = State::open;
    AlertDescription alert_ = AlertDescription::internal_error;
    bool owes_update_ = false;
};

}  // namespace eg::net
