/// Two TLS streams of ours on one loop, and the certificates that they need.
#pragma once

#include <array>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "proxy/net/tls_context.h"
#include "proxy/net/tls_stream.h"
#include "tests/support/peer.h"
#include "tests/unit/certs/maker.h"

namespace eg::test {

struct TlsOwner final : net::Advancing {
    void advance() override {}
};

/// An authority, a server certificate for mail.example.com, and what clients and servers need.
struct Certificates {
    Folder folder;
    Made authority = make({.name = "Authority", .authority = true});
    Made server = make({.name = "mail.example.com"}, &authority);
    std::string ca_file = folder.write("ca.pem", authority.pem());

    [[nodiscard]] net::TlsServerSettings settings(const std::string& name) const {
        net::TlsServerSettings settings;
        settings.certificate = server.certificate.get();
        settings.key = server.key.get();
        settings.name = name;
        return settings;
    }
    [[nodiscard]] std::shared_ptr<net::TlsServerContext> context(
        const net::TlsServerSettings& settings) const {
        auto made = net::TlsServerContext::make(settings);
        REQUIRE(made.has_value());
        return *made;
    }
    [[nodiscard]] std::shared_ptr<net::TlsServerContext> context(net::RecordLayer records) const {
        auto wanted = settings("one");
        wanted.records = records;
        return context(wanted);
    }
    [[nodiscard]] std::unique_ptr<net::TlsClientContext> client(
        const std::string& host = "mail.example.com", const std::string& alpn = "") const {
        auto made = net::TlsClientContext::make(
            {.host = host, .ca_file = ca_file, .verify = true, .alpn = alpn});
        REQUIRE(made.has_value());
        return std::move(*made);
    }
};

/// Both ends of one connection; the client's records are OpenSSL's.
struct TlsPair {
    net::Loop loop;
    TlsOwner owner;
    std::unique_ptr<net::TlsStream> server;
    std::unique_ptr<net::TlsStream> client;
    net::IoStatus server_said = net::IoStatus::again;
    net::IoStatus client_said = net::IoStatus::again;

    TlsPair(const net::TlsServerContext& context, net::SslPtr client_ssl) {
        const auto [ours, theirs] = socket_pair();
        server = std::make_unique<net::TlsStream>(loop, ours, owner, context.accept(),
                                                  context.records());
        client = std::make_unique<net::TlsStream>(loop, theirs, owner, std::move(client_ssl));
    }
    /// True if both are satisfied.
    bool shake_hands() {
        for (int i = 0; i < 20; ++i) {
            loop.turn(false);
            if (client_said == net::IoStatus::again) {
                client_said = client->handshake().status;
            }
            if (server_said == net::IoStatus::again) {
                server_said = server->handshake().status;
            }
        }
        return server_said == net::IoStatus::ok && client_said == net::IoStatus::ok;
    }
    /// What `stream` reads, then how that ended.
    std::string read_all(net::Stream& stream, net::IoStatus& status) {
        std::string text;
        std::array<char, 70'000> buffer;
        for (int idle = 0; idle < 5;) {
            loop.turn(false);
            const net::IoResult got = stream.read(buffer);
            status = got.status;
            if (got.status == net::IoStatus::ok) {
                text.append(buffer.data(), got.bytes);
                idle = 0;
            } else if (got.status == net::IoStatus::again) {
                ++idle;
            } else {
                break;
            }
        }
        return text;
    }
    [[nodiscard]] std::string read_all(net::Stream& stream) {
        net::IoStatus status{};
        return read_all(stream, status);
    }
    /// Sends all of `text` from one end, and returns what the other end read of it.
    std::string send(net::Stream& from, net::Stream& to, std::string_view text) {
        std::string read;
        for (int i = 0; i < 10'000 && !text.empty(); ++i) {
            const net::IoResult sent = from.write({&text, 1});
            REQUIRE(sent.status <= net::IoStatus::again);
            text.remove_prefix(sent.bytes);
            if (sent.bytes == 0) {
                read += read_all(to);
            }
        }
        return read + read_all(to);
    }
};

}  // namespace eg::test
