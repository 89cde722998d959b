/// A client of TlsRecords for tests and the fuzzer: the vectors of RFC 8448, records of any inner
/// plaintext, and a reader that takes them in pieces.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openssl/evp.h>

#include "proxy/base/check.h"
#include "proxy/net/record_protection.h"
#include "proxy/net/tls_records.h"
#include "proxy/net/traffic_secrets.h"

namespace eg::test {

/// A secret of RFC 8448 3 (TLS_AES_128_GCM_SHA256), and what is derived of it there.
struct Rfc8448Side {
    std::string_view secret, key, iv;
};
inline constexpr Rfc8448Side kRfc8448Client{
    "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5",
    "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9"};
inline constexpr Rfc8448Side kRfc8448Server{
    "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
    "9f02283b6c9c07efc26bb9f2ac92e356", "cf782b88dd83549aadf1e984"};

[[nodiscard]] inline std::string from_hex(std::string_view digits) {
    const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::string bytes;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        bytes.push_back(static_cast<char>(value(digits[i]) << 4 | value(digits[i + 1])));
    }
    return bytes;
}

[[nodiscard]] inline std::span<const unsigned char> octets(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

/// The secret of RFC 8448 where its suite's hash has the length, else a longer one made of it.
[[nodiscard]] inline std::string secret_of(const Rfc8448Side& side, const net::RecordSuite& suite) {
    const std::string secret = from_hex(side.secret);
    return (secret + secret).substr(0, suite.hash_bytes);
}

[[nodiscard]] inline const net::RecordSuite& suite_of(std::uint16_t id) {
    const net::RecordSuite* suite = net::RecordSuite::find(id);
    EG_CHECK(suite != nullptr);
    return *suite;
}

/// A record of this inner plaintext (RFC 8446 5.2: content, type, zeros), whatever it is; at most
/// kRecordBytes + 1.
[[nodiscard]] inline std::string seal_inner(net::RecordProtection& sealer, std::string_view inner) {
    EG_CHECK(!inner.empty());
    const auto last = static_cast<net::ContentType>(inner.back());
    inner.remove_suffix(1);
    std::string out(inner.size() + net::kSealOverhead, '\0');
    EG_CHECK(sealer.seal(last, inner, out.data()) == out.size());
    return out;
}

[[nodiscard]] inline std::string seal(net::RecordProtection& sealer, net::ContentType type,
                                      std::string_view content, std::size_t padding = 0) {
    return seal_inner(sealer,
                      std::string(content) + static_cast<char>(type) + std::string(padding, '\0'));
}

/// A record of any inner plaintext, however long, under a key of RFC 8448 and with no code of ours:
/// AES-128-GCM with the key and the nonce as they are printed there.
[[nodiscard]] inline std::string seal_by_hand(const Rfc8448Side& side, std::uint64_t number,
                                              std::string_view inner) {
    const std::string key = from_hex(side.key);
    std::string nonce = from_hex(side.iv);
    for (std::size_t i = 0; i < 8; ++i) {
        char& byte = nonce[nonce.size() - 1 - i];
        byte = static_cast<char>(octets({&byte, 1})[0] ^ (number >> (8 * i) & 0xFFU));
    }
    const std::size_t sealed = inner.size() + net::kTagBytes;
    std::string record = from_hex("170303");
    record.push_back(static_cast<char>(sealed >> 8U));
    record.push_back(static_cast<char>(sealed));
    record.resize(net::kRecordHeaderBytes + sealed);
    auto* const header = reinterpret_cast<unsigned char*>(record.data());
    unsigned char* const body = header + net::kRecordHeaderBytes;
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> cipher(
        EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    int count = 0;
    EG_CHECK(EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_gcm(), nullptr, octets(key).data(),
                                octets(nonce).data()) == 1);
    EG_CHECK(EVP_EncryptUpdate(cipher.get(), nullptr, &count, header, net::kRecordHeaderBytes) ==
             1);
    EG_CHECK(EVP_EncryptUpdate(cipher.get(), body, &count, octets(inner).data(),
                               static_cast<int>(inner.size())) == 1);
    EG_CHECK(EVP_EncryptFinal_ex(cipher.get(), body + inner.size(), &count) == 1);
    EG_CHECK(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, net::kTagBytes,
                                 body + inner.size()) == 1);
    return record;
}

/// The length of a record that is whole, header included.
[[nodiscard]] inline std::size_t record_length(std::string_view record) {
    return net::kRecordHeaderBytes + (std::size_t{octets(record)[3]} << 8U | octets(record)[4]);
}

/// What is in these records, as text: "data(hello) handshake(1800000100) alert(0100)". Goes to the
/// next key behind a KeyUpdate. Ends in "?" where something isn't authentic.
[[nodiscard]] inline std::string show_records(net::RecordProtection& opener,
                                              std::string_view records) {
    std::string text;
    while (!records.empty()) {
        const std::size_t length = records.size() < net::kRecordHeaderBytes + net::kTagBytes + 1
                                       ? records.size() + 1
                                       : record_length(records);
        std::string inner(records.size(), '\0');
        const auto size = length > records.size()
                              ? std::nullopt
                              : opener.open(records.substr(0, length), inner.data());
        if (!size) {
            return text + "?";
        }
        records.remove_prefix(length);
        inner.resize(inner.find_last_not_of('\0', *size - 1) + 1);
        const auto type = static_cast<net::ContentType>(inner.back());
        inner.pop_back();
        text += text.empty() ? "" : " ";
        if (type == net::ContentType::application_data) {
            text.append("data(").append(inner).append(")");
            continue;
        }
        text += type == net::ContentType::alert ? "alert(" : "handshake(";
        for (const unsigned char byte : octets(inner)) {
            constexpr std::string_view kDigits = "0123456789abcdef";
            text.append({kDigits[byte >> 4U], kDigits[byte & 15U]});
        }
        text += ")";
        if (type == net::ContentType::handshake) {
            opener.update();
        }
    }
    return text;
}

/// "open", "closed", "aborted", or "broken" and the number of the alert.
[[nodiscard]] inline std::string show_state(const net::TlsRecords& records) {
    switch (records.state()) {
        case net::TlsRecords::State::open:
            return "open";
        case net::TlsRecords::State::closed:
            return "closed";
        case net::TlsRecords::State::aborted:
            return "aborted";
        case net::TlsRecords::State::broken:
            break;
    }
    return "broken " + std::to_string(static_cast<int>(records.alert()));
}

/// Sealed bytes that a server has been offered and hasn't used, in a block of exactly their size.
class Offered {
  public:
    explicit Offered(std::string_view bytes = {}) { append(bytes); }

    void append(std::string_view more) {
        std::vector<char> block;
        block.reserve(size() + more.size());
        block.assign(bytes().begin(), bytes().end());
        block.insert(block.end(), more.begin(), more.end());
        block_ = std::move(block);
        used_ = 0;
    }
    void use(std::size_t count) { used_ += count; }
    [[nodiscard]] std::span<char> bytes() { return std::span(block_).subspan(used_); }
    [[nodiscard]] std::size_t size() const { return block_.size() - used_; }

  private:
    std::vector<char> block_;
    std::size_t used_ = 0;
};

/// What came of sealed bytes that were offered piece by piece.
struct Fed {
    std::string data;
    std::size_t most_kept = 0;  // of bytes that had to come again
    bool lawful = true;         // each call kept to what the header says
    std::vector<char> room;     // where it was read into
};

/// One call, into a room with a guard behind it.
inline net::TlsRecords::Opened open_once(net::TlsRecords& records, Offered& offered,
                                         std::size_t room, Fed& fed) {
    constexpr std::string_view kGuard = "-- guard --";
    fed.room.resize(std::max(fed.room.size(), room + kGuard.size()));
    std::copy(kGuard.begin(), kGuard.end(), fed.room.data() + room);
    const net::TlsRecords::Opened opened =
        records.open(offered.bytes(), std::span(fed.room).first(room));
    if (opened.used > offered.size() || opened.bytes > room ||
        std::string_view(fed.room.data() + room, kGuard.size()) != kGuard) {
        fed.lawful = false;
        return {};
    }
    fed.data.append(fed.room.data(), opened.bytes);
    offered.use(opened.used);
    return opened;
}

/// Offers `step()` bytes more at a time and reads into `room()` bytes (more than none) until
/// nothing comes out; then the next. In the end offers the rest to records that are no longer open.
template <typename Step, typename Room>
[[nodiscard]] Fed feed(net::TlsRecords& records, std::string_view sealed, Step step, Room room) {
    using State = net::TlsRecords::State;
    Fed fed;
    Offered offered;
    while (!sealed.empty() && fed.lawful && records.state() == State::open) {
        const std::size_t more = std::min(sealed.size(), std::size_t{step()});
        offered.append(sealed.substr(0, more));
        sealed.remove_prefix(more);
        for (bool full = true; full && fed.lawful;) {
            const std::size_t size = room();
            full = open_once(records, offered, size, fed).bytes == size;
            fed.most_kept = std::max(fed.most_kept, offered.size());
        }
        // With room left only a part of a record waits.
        fed.lawful &=
            records.state() != State::open || offered.size() < net::TlsRecords::kMostUnread;
    }
    if (fed.lawful && records.state() != State::open) {
        offered.append(sealed);
        const auto opened = open_once(records, offered, 100, fed);
        fed.lawful &= opened.used == 0 && opened.bytes == 0;
    }
    return fed;
}

/// Everything at once, into a room for it all.
[[nodiscard]] inline Fed feed(net::TlsRecords& records, std::string_view sealed) {
    const auto all = [size = sealed.size() + 1] { return size; };
    return feed(records, sealed, all, all);
}

/// The secrets of a connection, in the form that a handshake leaves them in.
struct Secrets : net::TrafficSecrets {
    explicit Secrets(const net::RecordSuite& suite) {
        const std::string of_client = secret_of(kRfc8448Client, suite);
        const std::string of_server = secret_of(kRfc8448Server, suite);
        std::memcpy(client.data(), of_client.data(), of_client.size());
        std::memcpy(server.data(), of_server.data(), of_server.size());
        client_bytes = of_client.size();
        server_bytes = of_server.size();
    }
};

/// A client and the server's records, with nothing between them.
struct Ends {
    explicit Ends(std::uint16_t id = 0x1301, std::uint64_t sealed = 0)
        : server(suite_of(id), Secrets(suite_of(id)), sealed),
          client(suite_of(id), net::RecordProtection::Direction::seals,
                 octets(secret_of(kRfc8448Client, suite_of(id))), 0),
          reader(suite_of(id), net::RecordProtection::Direction::opens,
                 octets(secret_of(kRfc8448Server, suite_of(id))), sealed) {}

    /// What the server makes of `content`, as the client reads it.
    [[nodiscard]] std::string answer(std::string_view content) {
        std::string out(net::TlsRecords::kMostSealed, '\0');
        out.resize(server.seal(content, out.data()));
        return show_records(reader, out);
    }
    [[nodiscard]] std::string answer(net::AlertDescription description) {
        std::string out(net::TlsRecords::kMostSealed, '\0');
        out.resize(server.seal_alert(description, out.data()));
        return show_records(reader, out);
    }

    net::TlsRecords server;
    net::RecordProtection client;  // seals
    net::RecordProtection reader;  // opens
};

}  // namespace eg::test
