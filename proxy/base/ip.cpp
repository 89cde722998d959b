#include "proxy/base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "proxy/base/check.h"
#include "proxy/base/text.h"

namespace eg {

namespace {

constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

std::optional<std::uint16_t> parse_port(std::string_view text) {
    const auto number = parse_unsigned(text);
    if (!number || *number > 65535 || (text.size() > 1 && text.front() == '0')) {
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(*number);
}

// The IPv6 address of `[...]`; an IPv4 address has no brackets (RFC 3986 3.2.2).
std::optional<IpAddress> parse_bracketed(std::string_view text) {
    if (text.size() < 2 || text.front() != '[' || text.back() != ']' ||
        text.find(':') == std::string_view::npos) {
        return std::nullopt;
    }
    return IpAddress::parse(text.substr(1, text.size() - 2));
}

bool is_host_name(std::string_view host) {
    return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
        return is_alnum(c) || c == '.' || c == '-' || c == '_';
    });
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> copy{};
    // A NUL would end the text for inet_pton, whatever follows it.
    if (text.empty() || text.size() >= copy.size() || text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    std::copy(text.begin(), text.end(), copy.begin());
    std::array<unsigned char, 16> bytes{};
    if (inet_pton(AF_INET, copy.data(), bytes.data()) == 1) {
        return from_bytes(bytes.data(), 4);
    }
    if (inet_pton(AF_INET6, copy.data(), bytes.data()) == 1) {
        return from_bytes(bytes.data(), 16);
    }
    return std::nullopt;
}

IpAddress IpAddress::from_bytes(const unsigned char* bytes, std::size_t length) {
    EG_CHECK(length == 4 || length == 16);
    IpAddress out;
    if (length == 16 && std::equal(kMapped.begin(), kMapped.end(), bytes)) {
        bytes += kMapped.size();
        length = 4;
    }
    out.v4_ = length == 4;
    std::copy(bytes, bytes + length, out.bytes_.begin());
    return out;
}

bool IpAddress::is_unspecified() const {
    return std::all_of(bytes_.begin(), bytes_.end(), [](unsigned char b) { return b == 0; });
}

std::string_view IpAddress::write(std::span<char, kTextBytes> out) const {
    if (!v4_) {
        inet_ntop(AF_INET6, bytes_.data(), out.data(), kTextBytes);
        return out.data();
    }
    char* at = out.data();
    for (std::size_t i = 0; i < 4; ++i) {
        if (i != 0) {
            *at++ = '.';
        }
        at = std::to_chars(at, at + 3, unsigned{bytes_[i]}).ptr;
    }
    return {out.data(), static_cast<std::size_t>(at - out.data())};
}

std::string IpAddress::to_string() const {
    std::array<char, kTextBytes> text;
    return std::string(write(text));
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) {
        return std::nullopt;
    }
    const unsigned most = address->is_v4() ? 32 : 128;
    Cidr out;
    out.address_ = *address;
    out.prefix_ = most;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const auto prefix = parse_unsigned(digits);
        if (!prefix || *prefix > most || (digits.size() > 1 && digits.front() == '0')) {
            return std::nullopt;
        }
        out.prefix_ = static_cast<unsigned>(*prefix);
    }
    return out;
}

bool Cidr::contains(const IpAddress& address) const {
    if (address.is_v4() != address_.is_v4()) {
        return false;
    }
    const unsigned whole = prefix_ / 8;
    if (!std::equal(address_.bytes().begin(), address_.bytes().begin() + whole,
                    address.bytes().begin())) {
        return false;
    }
    const unsigned rest = prefix_ % 8;
    if (rest == 0) {
        return true;
    }
    const unsigned mask = 0xFF00U >> rest & 0xFFU;
    return (address_.bytes()[whole] & mask) == (address.bytes()[whole] & mask);
}

std::string Cidr::to_string() const {
    return fmt::format("{}/{}", address_.to_string(), prefix_);
}

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view host = text.substr(0, colon);
    const auto port = parse_port(text.substr(colon + 1));
    if (host == "*") {
        host = "[::]";
    }
    const bool has_colon = host.find(':') != std::string_view::npos;
    const auto address = has_colon ? parse_bracketed(host) : IpAddress::parse(host);
    if (!address || !port) {
        return std::nullopt;
    }
    return SocketAddress{*address, *port};
}

SocketAddress SocketAddress::from_native(const sockaddr_storage& native) {
    SocketAddress out;
    if (native.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &native, sizeof v4);
        std::array<unsigned char, 4> bytes{};
        std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
        out.address = IpAddress::from_bytes(bytes.data(), bytes.size());
        out.port = ntohs(v4.sin_port);
    } else if (native.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &native, sizeof v6);
        out.address = IpAddress::from_bytes(v6.sin6_addr.s6_addr, 16);
        out.port = ntohs(v6.sin6_port);
    }
    return out;
}

socklen_t SocketAddress::to_native(sockaddr_storage& native) const {
    native = {};
    if (address.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&v4.sin_addr, address.bytes().data(), 4);
        std::memcpy(&native, &v4, sizeof v4);
        return sizeof v4;
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(v6.sin6_addr.s6_addr, address.bytes().data(), 16);
    std::memcpy(&native, &v6, sizeof v6);
    return sizeof v6;
}

std::string SocketAddress::to_string() const {
    return address.is_v4() ? fmt::format("{}:{}", address.to_string(), port)
                           : fmt::format("[{}]:{}", address.to_string(), port);
}

std::optional<HostPort> HostPort::parse(std::string_view text, std::uint16_t default_port) {
    HostPort out{.host = {}, .port = default_port};
    std::string_view port;
    bool has_port = false;
    if (!text.empty() && text.front() == '[') {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos || !parse_bracketed(text.substr(0, end + 1))) {
            return std::nullopt;
        }
        out.host = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
        has_port = !text.empty();
        if (has_port && text.front() != ':') {
            return std::nullopt;
        }
        port = has_port ? text.substr(1) : text;
    } else {
        const std::size_t colon = text.find(':');
        has_port = colon != std::string_view::npos;
        port = has_port ? text.substr(colon + 1) : std::string_view();
        out.host = text.substr(0, colon);
        if (!is_host_name(out.host)) {
            return std::nullopt;
        }
    }
    if (has_port) {
        const auto number = parse_port(port);
        if (!number || *number == 0) {
            return std::nullopt;
        }
        out.port = *number;
    }
    return out;
}

std::string HostPort::to_string(std::uint16_t default_port) const {
    const bool v6 = host.find(':') != std::string::npos;
    const std::string shown = v6 ? fmt::format("[{}]", host) : host;
    return port == default_port ? shown : fmt::format("{}:{}", shown, port);
}

}  // namespace eg
