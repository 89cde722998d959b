#include "proxy/net/tls_records.h"

#include <algorithm>
#include <array>
#include <utility>

namespace eg::net {

namespace {

/// Records without application data that may come one after the other: each costs us a key or a
/// decryption and the peer nothing. OpenSSL's limit too.
constexpr std::uint32_t kMostWithoutData = 32;

/// Records that one key seals: RFC 8446 5.5 allows AES-GCM 2^24.5 full ones.
constexpr std::uint64_t kMostOfAKey = std::uint64_t{1} << 24;

// RFC 8446 4 and 4.6.3.
constexpr unsigned char kKeyUpdate = 24;
constexpr std::string_view kUpdateNotRequested("\x18\0\0\1\0", 5);

constexpr unsigned char kWarning = 1;
constexpr unsigned char kFatal = 2;

unsigned char at(std::span<const char> bytes, std::size_t index) {
    return static_cast<unsigned char>(bytes[index]);
}

std::span<const unsigned char> of(const std::array<unsigned char, 48>& secret, std::size_t bytes) {
    return std::span(secret).first(bytes);
}

}  // namespace

TlsRecords::TlsRecords(const RecordSuite& suite, const TrafficSecrets& secrets,
                       std::uint64_t sealed)
    : opening_(suite, RecordProtection::Direction::opens, of(secrets.client, secrets.client_bytes),
               0),
      sealing_(suite, RecordProtection::Direction::seals, of(secrets.server, secrets.server_bytes),
               sealed) {}

void TlsRecords::break_off(AlertDescription why) {
    state_ = State::broken;
    alert_ = why;
}

std::size_t TlsRecords::length_of(std::span<const char> sealed) {
    if (sealed.size() < kRecordHeaderBytes) {
        return 0;
    }
    // After the handshake every record is of this type and version (RFC 8446 5.2); a
    // change_cipher_spec too is out of place now (5).
    if (at(sealed, 0) != static_cast<unsigned char>(ContentType::application_data) ||
        at(sealed, 1) != 3 || at(sealed, 2) != 3) {
        break_off(AlertDescription::unexpected_message);
        return 0;
    }
    const std::size_t length = std::size_t{at(sealed, 3)} << 8 | at(sealed, 4);
    if (length > kMostSealedBytes) {
        break_off(AlertDescription::record_overflow);
        return 0;
    }
    if (length <= kTagBytes) {  // not even a type
        break_off(AlertDescription::bad_record_mac);
        return 0;
    }
    return kRecordHeaderBytes + length;
}

std::size_t TlsRecords::take_rest(std::span<char> from, std::span<char> into) {
    const std::size_t count = std::min<std::size_t>(rest_, into.size());
    std::copy_n(from.data(), count, into.data());
    rest_ -= static_cast<std::uint32_t>(count);
    return count;
}

TlsRecords::Opened TlsRecords::open(std::span<char> sealed, std::span<char> into) {
    Opened done;
    while (state_ == State::open) {
        const auto unread = sealed.subspan(done.used);
        const auto room = into.subspan(done.bytes);
        if (rest_ != 0) {
            const std::size_t count = take_rest(unread, room);
            done.bytes += count;
            done.used += count;
            if (rest_ != 0) {
                break;  // no more room
            }
            done.used += std::exchange(rest_end_, 0);
            continue;
        }
        const std::size_t length = room.empty() ? 0 : length_of(unread);
        if (length == 0 || length > unread.size()) {
            break;
        }
        const std::string_view record(unread.data(), length);
        const std::size_t inner = length - kRecordHeaderBytes - kTagBytes;
        const bool fits = inner <= room.size();
        char* const plain = fits ? room.data() : unread.data() + kRecordHeaderBytes;
        if (!opening_.open(record, plain)) {
            break_off(AlertDescription::bad_record_mac);
            break;
        }
        // Content, its type, and zeros (RFC 8446 5.2, 5.4).
        std::size_t end = inner;
        while (end != 0 && plain[end - 1] == 0) {
            --end;
        }
        if (end == 0 || inner > kRecordBytes + 1) {
            break_off(end == 0 ? AlertDescription::unexpected_message
                               : AlertDescription::record_overflow);
            break;
        }
        const auto type = static_cast<ContentType>(plain[end - 1]);
        const std::size_t content = end - 1;
        if (type != ContentType::application_data || content == 0) {
            take_control(type, {plain, content});
            done.used += length;
            continue;
        }
        without_data_ = 0;
        if (fits) {
            done.bytes += content;
            done.used += length;
            continue;
        }
        rest_ = static_cast<std::uint32_t>(content);
        rest_end_ = static_cast<std::uint32_t>(length - kRecordHeaderBytes - content);
        done.used += kRecordHeaderBytes;
    }
    return done;
}

void TlsRecords::take_control(ContentType type, std::string_view content) {
    const bool ends = type == ContentType::alert && content.size() == 2 &&
                      static_cast<AlertDescription>(content[1]) != AlertDescription::user_canceled;
    if (!ends && ++without_data_ > kMostWithoutData) {
        break_off(AlertDescription::unexpected_message);
        return;
    }
    switch (type) {
        case ContentType::application_data:  // none in it (RFC 8446 5.1)
            return;
        case ContentType::alert:
            take_alert(content);
            return;
        case ContentType::handshake:
            take_handshake(content);
            return;
        case ContentType::change_cipher_spec:
            break;
    }
    break_off(AlertDescription::unexpected_message);
}

void TlsRecords::take_alert(std::string_view content) {
    if (content.size() != 2) {
        break_off(content.empty() ? AlertDescription::unexpected_message
                                  : AlertDescription::decode_error);
        return;
    }
    // The level means nothing any more (RFC 8446 6): two alerts aren't fatal.
    switch (static_cast<AlertDescription>(content[1])) {
        case AlertDescription::close_notify:
            state_ = State::closed;
            return;
        case AlertDescription::user_canceled:
            return;
        default:
            state_ = State::aborted;
    }
}

// A KeyUpdate, alone in its record: the key changes behind it (RFC 8446 5.1). Nothing else is
// expected of a client that was asked for nothing; a message in several records isn't either.
void TlsRecords::take_handshake(std::string_view content) {
    if (content.empty() || static_cast<unsigned char>(content[0]) != kKeyUpdate ||
        content.size() > kUpdateNotRequested.size()) {
        break_off(AlertDescription::unexpected_message);
        return;
    }
    if (content.size() != kUpdateNotRequested.size() ||
        content.substr(0, 4) != kUpdateNotRequested.substr(0, 4)) {
        break_off(AlertDescription::decode_error);
        return;
    }
    const bool requested = content[4] == 1;
    if (!requested && content[4] != 0) {
        break_off(AlertDescription::illegal_parameter);
        return;
    }
    opening_.update();
    owes_update_ |= requested;  // before our next data; not at once, as nobody waits for it
}

std::size_t TlsRecords::seal(std::string_view content, char* out) {
    std::size_t update = 0;
    if (owes_update_ || sealing_.protected_records() >= kMostOfAKey) {
        update = sealing_.seal(ContentType::handshake, kUpdateNotRequested, out);
        if (update == 0) {
            return 0;
        }
        sealing_.update();
        owes_update_ = false;
    }
    const std::size_t record = sealing_.seal(ContentType::application_data, content, out + update);
    return record == 0 ? 0 : update + record;
}

std::size_t TlsRecords::seal_alert(AlertDescription description, char* out) {
    const bool fatal = description != AlertDescription::close_notify;
    const std::array<char, 2> alert{static_cast<char>(fatal ? kFatal : kWarning),
                                    static_cast<char>(description)};
    return sealing_.seal(ContentType::alert, {alert.data(), alert.size()}, out);
}

void TlsRecords::free_ciphers() {
    opening_.free_cipher();
    sealing_.free_cipher();
}

}  // namespace eg::net
