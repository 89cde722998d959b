/// IP addresses, networks and socket addresses as values.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace eg {

/// An IPv4 or IPv6 address. IPv4-mapped IPv6 addresses are stored as IPv4, so that both compare
/// equal.
class IpAddress {
  public:
    IpAddress() = default;
    [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
    /// From the bytes of the network: 4 or 16 of them, network order.
    [[nodiscard]] static IpAddress from_bytes(const unsigned char* bytes, std::size_t length);

    [[nodiscard]] bool is_v4() const { return v4_; }
    [[nodiscard]] bool is_unspecified() const;
    [[nodiscard]] const std::array<unsigned char, 16>& bytes() const { return bytes_; }
    [[nodiscard]] std::string to_string() const;
    /// The same without a string: into `out`. Returns the part of it that is the text.
    static constexpr std::size_t kTextBytes = 46;
    [[nodiscard]] std::string_view write(std::span<char, kTextBytes> out) const;
    friend bool operator==(const IpAddress&, const IpAddress&) = default;

  private:
    std::array<unsigned char, 16> bytes_{};  // IPv4 in the first four
    bool v4_ = true;
};

/// A network in CIDR notation; a bare address is a network of one.
class Cidr {
  public:
    [[nodiscard]] static std::optional<Cidr> parse(std::string_view text);
    [[nodiscard]] bool contains(const IpAddress& address) const;
    [[nodiscard]] std::string to_string() const;

  private:
    IpAddress address_;
    unsigned prefix_ = 0;
};

/// Address and port.
struct SocketAddress {
    IpAddress address;
    std::uint16_t port = 0;

    /// `1.2.3.4:443`, `[::1]:443`, `*:443` (any address, both families). Nothing on anything else.
    [[nodiscard]] static std::optional<SocketAddress> parse(std::string_view text);
    [[nodiscard]] static SocketAddress from_native(const sockaddr_storage& native);
    /// Fills `native`; returns its length.
    socklen_t to_native(sockaddr_storage& native) const;
    [[nodiscard]] std::string to_string() const;
    friend bool operator==(const SocketAddress&, const SocketAddress&) = default;
};

/// A host, by name or address, and a port: `mail.corp.example:8443`, `[::1]`.
struct HostPort {
    std::string host;  // without brackets
    std::uint16_t port = 0;

    /// `default_port` where none is given. Nothing if the host is empty or holds odd characters.
    [[nodiscard]] static std::optional<HostPort> parse(std::string_view text,
                                                       std::uint16_t default_port);
    /// As a Host field or URL writes it; the port only if it is not `default_port`.
    [[nodiscard]] std::string to_string(std::uint16_t default_port) const;
};

}  // namespace eg
