/// One connection of the load client: sends a request, reads the answer, tells the Crowd.
/// Owned by the Crowd, lives in one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "bench/load/net.h"

namespace eg::bench {

class Phone;

/// What phones ask of the program they are part of.
class PhoneOwner {
  public:
    PhoneOwner() = default;
    PhoneOwner(const PhoneOwner&) = delete;
    PhoneOwner& operator=(const PhoneOwner&) = delete;
    virtual ~PhoneOwner() = default;
    /// The connection stands (after the TLS handshake) and has nothing to do.
    virtual void connected(Phone& phone) = 0;
    /// The whole answer has come.
    virtual void answered(Phone& phone, int status) = 0;
    /// The connection ended although nobody wanted that, or couldn't be made.
    virtual void lost(Phone& phone) = 0;
};

class Phone final : public Handler {
  public:
    /// `tls` may be null: plain TCP.
    Phone(Poller& poller, PhoneOwner& owner, std::uint16_t port, SSL_CTX* tls);
    ~Phone() override;

    void connect();
    /// Head and body must stay where they are until the answer has come.
    void ask(std::string_view head, std::string_view body, std::uint64_t due_ns);
    void close();
    void ready(std::uint32_t events) override;

    /// Uses this ticket at the next connection; takes it.
    void resume_with(TicketPtr ticket) { ticket_ = std::move(ticket); }
    [[nodiscard]] TicketPtr take_ticket() { return std::move(ticket_); }
    /// When the request that was answered last was due.
    [[nodiscard]] std::uint64_t due_ns() const { return due_ns_; }
    [[nodiscard]] std::uint64_t bytes_in() const { return bytes_in_; }
    [[nodiscard]] bool resumed() const { return resumed_; }

    /// OpenSSL's callback for new tickets; contexts that serve phones must have it.
    static int on_ticket(SSL* ssl, SSL_SESSION* ticket);

  private:
    enum class State : std::uint8_t { closed, shaking, idle, sending, waiting, reading };
    void shake();
    void send();
    void read();
    bool take(std::string_view bytes);
    void want(std::uint32_t events);
    void lose();

    Poller& poller_;
    PhoneOwner& owner_;
    std::uint16_t port_;
    SSL_CTX* tls_;
    std::unique_ptr<Link> link_;
    TicketPtr ticket_;
    std::string_view head_;
    std::string_view body_;
    std::uint64_t due_ns_ = 0;
    std::uint64_t left_ = 0;  // of the answer's body
    std::uint64_t bytes_in_ = 0;
    std::uint32_t events_ = 0;
    std::string partial_;  // of an answer's head
    int status_ = 0;
    State state_ = State::closed;
    bool resumed_ = false;
};

}  // namespace eg::bench
