#include "proxy/net/tls_context.h"

#include <array>
#include <string_view>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "proxy/base/check.h"
#include "proxy/base/ip.h"
#include "proxy/net/ticket_keys.h"
#include "proxy/net/traffic_secrets.h"

namespace eg::net {

namespace {

// AES-128 first where the client has no order of its own to be respected: as strong for this use,
// and cheaper.
constexpr const char* kTls13Suites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kTls12Suites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// RFC 7301: length-prefixed names.
constexpr std::string_view kAlpn("\x08http/1.1", 9);

// NOLINTNEXTLINE(readability-function-size): OpenSSL's signature
int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_length,
                const unsigned char* offered, unsigned offered_length, void*) {
    const auto* ours = reinterpret_cast<const unsigned char*>(kAlpn.data());
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_length, ours, kAlpn.size(), offered, offered_length) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;  // a client that speaks only something else
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

// NOLINTNEXTLINE(readability-function-size): OpenSSL's signature
int ticket_callback(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                    EVP_MAC_CTX* mac, int sealing) {
    auto* keys = static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    const int result = keys->apply(name, iv, cipher, mac, sealing);
    // A client of TLS 1.3 uses a ticket once (RFC 8446 C.4): without a new one its next handshake
    // would be a full one. 2 asks OpenSSL for that.
    const bool resumes = sealing == 0 && result == 1;
    return resumes && SSL_version(ssl) == TLS1_3_VERSION ? 2 : result;
}

std::string openssl_reason() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return reason == nullptr ? "unknown reason" : reason;
}

void set_common(SSL_CTX* context) {
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, kTls12Suites);
    SSL_CTX_set_ciphersuites(context, kTls13Suites);
    SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384");
}

void ask_for_certificate(SSL_CTX* context, X509_STORE* authorities) {
    SSL_CTX_set1_cert_store(context, authorities);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // Names of the authorities, so that phones offer the right certificate.
    STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(authorities);
    for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
        X509* authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (authority != nullptr) {
            SSL_CTX_add_client_CA(context, authority);
        }
    }
}

void never_resume(SSL_CTX* context) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
}

int accept_any_certificate(X509_STORE_CTX*, void*) {
    return 1;
}

bool use_certificate(SSL_CTX* context, const TlsServerSettings& settings) {
    if (SSL_CTX_use_certificate(context, settings.certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, settings.key) != 1) {
        return false;
    }
    for (X509* link : settings.chain) {
        if (SSL_CTX_add1_chain_cert(context, link) != 1) {
            return false;
        }
    }
    return SSL_CTX_check_private_key(context) == 1;
}

}  // namespace

TlsServerContext::TlsServerContext() = default;
TlsServerContext::~TlsServerContext() = default;

std::expected<std::shared_ptr<TlsServerContext>, std::string> TlsServerContext::make(
    const TlsServerSettings& settings) {
    std::shared_ptr<TlsServerContext> made(new TlsServerContext);
    const char* tapped = settings.records == RecordLayer::own ? tapped_properties() : nullptr;
    made->records_ = tapped == nullptr ? RecordLayer::openssl : RecordLayer::own;
    made->context_.reset(SSL_CTX_new_ex(nullptr, tapped, TLS_server_method()));
    SSL_CTX* context = made->context_.get();
    if (context == nullptr) {
        return std::unexpected(openssl_reason());
    }
    set_common(context);
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    if (settings.tls13_only) {
        SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    }
    if (!use_certificate(context, settings)) {
        return std::unexpected("the certificate can't be used: " + openssl_reason());
    }
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, nullptr);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_max_early_data(context, 0);
    const std::string scope = "easgate instance " + settings.name;
    std::array<unsigned char, SHA256_DIGEST_LENGTH> id{};
    SHA256(reinterpret_cast<const unsigned char*>(scope.data()), scope.size(), id.data());
    SSL_CTX_set_session_id_context(context, id.data(), id.size());
    if (settings.client_authorities != nullptr) {
        ask_for_certificate(context, settings.client_authorities);
        never_resume(context);
        made->asks_for_certificate_ = true;
    } else if (settings.any_client_certificate) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
        SSL_CTX_set_cert_verify_callback(context, accept_any_certificate, nullptr);
        never_resume(context);
        made->asks_for_certificate_ = true;
    } else {
        made->tickets_ = std::make_unique<TicketKeys>(settings.ticket_keys.reveal(), settings.name);
        SSL_CTX_set_app_data(context, made->tickets_.get());
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_callback);
    }
    return made;
}

SslPtr TlsServerContext::accept() const {
    SslPtr ssl(SSL_new(context_.get()));
    EG_CHECK(ssl != nullptr);  // fails for want of memory only
    SSL_set_accept_state(ssl.get());
    return ssl;
}

std::expected<std::unique_ptr<TlsClientContext>, std::string> TlsClientContext::make(
    const TlsClientSettings& settings) {
    std::unique_ptr<TlsClientContext> made(new TlsClientContext);
    made->settings_ = settings;
    made->context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* context = made->context_.get();
    if (context == nullptr) {
        return std::unexpected(openssl_reason());
    }
    set_common(context);
    if (settings.verify) {
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
        const bool loaded = settings.ca_file.empty()
                                ? SSL_CTX_set_default_verify_paths(context) == 1
                                : SSL_CTX_load_verify_file(context, settings.ca_file.c_str()) == 1;
        if (!loaded) {
            return std::unexpected(fmt::format("{}: no usable certificate authority: {}",
                                               settings.ca_file, openssl_reason()));
        }
    }
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, &TlsClientContext::on_session);
    SSL_CTX_set_app_data(context, made.get());
    return made;
}

TlsClientContext::~TlsClientContext() {
    SSL_SESSION_free(newest_);
}

int TlsClientContext::on_session(SSL* ssl, SSL_SESSION* fresh) {
    auto& self = *static_cast<TlsClientContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    SSL_SESSION_free(self.newest_);
    self.newest_ = fresh;
    return 1;  // the reference is ours now
}

SslPtr TlsClientContext::connect() {
    SslPtr ssl(SSL_new(context_.get()));
    EG_CHECK(ssl != nullptr);  // fails for want of memory only
    SSL_set_connect_state(ssl.get());
    if (IpAddress::parse(settings_.host)) {
        EG_CHECK(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), settings_.host.c_str()) ==
                 1);
    } else {
        // What the macro SSL_set_tlsext_host_name does, without its C cast; the name is only read.
        SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
                 const_cast<char*>(settings_.host.c_str()));
        EG_CHECK(SSL_set1_host(ssl.get(), settings_.host.c_str()) == 1);
    }
    if (!settings_.alpn.empty()) {
        const std::string wire = static_cast<char>(settings_.alpn.size()) + settings_.alpn;
        SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                            static_cast<unsigned>(wire.size()));
    }
    if (newest_ != nullptr) {
        SSL_set_session(ssl.get(), newest_);
    }
    return ssl;
}

}  // namespace eg::net
