/// Writing heads and chunk framing. Everything that goes on a wire passes here, and is checked
/// here: a control byte in a name or a value fails the writer instead of making a second line.
/// Only fields that a parser of ours has made are taken at its word: it checked the same classes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "proxy/http/chars.h"
#include "proxy/http/head.h"

namespace eg::http {

/// Appends a head to memory of the caller. After an overflow or a forbidden byte, failed() is true
/// for good and nothing written may be sent.
class HeadWriter {
  public:
    explicit HeadWriter(std::span<char> memory) : memory_(memory) {}

    /// `POST /path?query HTTP/1.1`; the '?' only if `has_query`.
    void request_line(std::string_view method, std::string_view path, bool has_query,
                      std::string_view query);
    /// `HTTP/1.1 200 OK`; without a reason the standard one.
    void status_line(unsigned status, std::string_view reason = {});
    void field(std::string_view name, std::string_view value);
    /// One of a parsed head: name and value lie in one buffer, and every byte of them was looked at
    /// when they were read.
    void field(const Field& parsed);
    /// The bytes of a name that stands in the source are looked at when that is compiled.
    template <std::size_t kTerminated>
    [[gnu::always_inline]] void field(const char (&name)[kTerminated], std::string_view value) {
        failed_ |= !is_token(name, std::make_index_sequence<kTerminated - 1>());
        add({name, kTerminated - 1}, value);
    }
    template <std::size_t kTerminated>
    [[gnu::always_inline]] void field(const char (&name)[kTerminated], std::uint64_t value) {
        failed_ |= !is_token(name, std::make_index_sequence<kTerminated - 1>());
        add_number({name, kTerminated - 1}, value);
    }
    /// The empty line.
    void end();

    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] std::string_view written() const { return {memory_.data(), used_}; }

  private:
    template <std::size_t kTerminated, std::size_t... kAt>
    [[gnu::always_inline]] static constexpr bool is_token(const char (&name)[kTerminated],
                                                          std::index_sequence<kAt...>) {
        return kTerminated > 1 && (is_in(kTokenChar, name[kAt]) && ...);
    }
    /// The name has been looked at, the value has not.
    void add(std::string_view name, std::string_view value);
    void add_number(std::string_view name, std::uint64_t value);
    /// Room for so many bytes more, or null, and then the writer has failed.
    char* extend(std::size_t bytes);
    void append(std::string_view text);
    std::span<char> memory_;
    std::size_t used_ = 0;
    bool failed_ = false;
};

/// Fields that belong to one connection only and are never sent on (RFC 9110 7.6.1): Connection,
/// Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade.
[[nodiscard]] bool is_hop_by_hop(const Field& field);

/// Whether a Connection field of `fields` lists `option` (`close`, or the name of a field).
[[nodiscard]] bool connection_lists(const Fields& fields, std::string_view option);

/// Whether the sender of this head wants or allows another message on the connection (RFC
/// 9112 9.3).
[[nodiscard]] bool keeps_alive(const Fields& fields, unsigned minor_version);

/// The framing before a chunk of `size` bytes: hexadecimal digits and CRLF. `out` needs 18 bytes.
/// Returns: how many were written. After the data comes CRLF; the body ends with kLastChunk. A
/// `size` of 0 would end the body, so it is a broken expectation.
[[nodiscard]] std::size_t write_chunk_size(std::uint64_t size, std::span<char> out);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace eg::http
