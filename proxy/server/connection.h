/// One accepted client connection: handshake, then one transaction after the other, then a clean
/// end.
///
/// Thread: its worker's. Lifetime: owned by the worker from accept to burial. While it waits it
/// owns no buffer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "proxy/base/ip.h"
#include "proxy/net/buffer.h"
#include "proxy/net/stream.h"
#include "proxy/net/tls_stream.h"
#include "proxy/server/service.h"

namespace eg::server {

class Worker;

/// What a program keeps for a connection beyond one transaction (client certificate, pinned
/// upstream).
class ConnectionNotes {
  public:
    virtual ~ConnectionNotes() = default;
};

class Connection final : public net::Advancing {
  public:
    Connection(Worker& worker, std::shared_ptr<Service> service, int fd, const SocketAddress& peer);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void advance() override;

    // For the transaction in charge.
    [[nodiscard]] net::Stream& stream() { return *stream_; }
    [[nodiscard]] net::Buffer& input() { return input_; }
    /// Reads more into input(). `eof` and `error` are remembered: see client_left().
    net::IoStatus fill();
    /// The client's side of the stream has ended or broken.
    [[nodiscard]] bool client_left() const { return client_left_; }
    /// The peer has closed its side, though bytes may still be unread.
    [[nodiscard]] bool hung_up() const { return socket_->hung_up(); }
    /// The kernel has reported something of the client since its bytes were last read whole.
    [[nodiscard]] bool has_news() const { return socket_->readable(); }
    /// Asks the kernel whether the peer is still there, where its end can't be read because what it
    /// sent before isn't taken. See hung_up() afterwards. Cost: a system call.
    void look_for_hang_up();
    /// No request follows the one under way.
    [[nodiscard]] bool draining() const { return draining_; }
    /// Advances again in the next turn, without waiting for anything: others get theirs first.
    void again();
    [[nodiscard]] net::Deadline& deadline() { return deadline_; }
    [[nodiscard]] Worker& worker() { return worker_; }
    [[nodiscard]] const Service& service() const { return *service_; }
    [[nodiscard]] const std::shared_ptr<Service>& service_pointer() const { return service_; }
    [[nodiscard]] const SocketAddress& peer() const { return peer_; }
    /// The client's address had more connections than the limit permits when it made this one.
    [[nodiscard]] bool crowded() const { return crowded_; }
    [[nodiscard]] bool is_tls() const { return tls_ != nullptr; }
    /// The client's certificate, or null. Valid as long as the connection.
    [[nodiscard]] X509* certificate() const;
    /// The certificates that the client sent, or null.
    [[nodiscard]] STACK_OF(X509) * certificate_chain() const;
    [[nodiscard]] std::unique_ptr<ConnectionNotes>& notes() { return notes_; }
    /// Gives back TLS and input memory while the answer is awaited. Looks for a client that left
    /// unnoticed first: see hung_up() afterwards.
    void park();

    // For the worker.
    /// No more requests: closes now if none is under way, else after the one that is.
    void drain();
    [[nodiscard]] bool dead() const { return state_ == State::dead; }

  private:
    friend class Worker;
    enum class State : std::uint8_t {
        handshaking,  // TLS
        idle,         // before the first byte of a head
        reading,      // within a head
        working,      // a transaction is in charge
        lingering,    // our side is closed; what the client still sends is dropped
        dead,
    };
    enum class Next : std::uint8_t { again, wait };
    Next shake_hands();
    Next read_head();
    Next work();
    Next linger();
    void enter_idle();
    void start(const http::RequestHead& head, std::size_t head_bytes);
    void refuse(const Error& error);
    void close_cleanly();
    void die();
    void follow_service();

    Worker& worker_;
    std::shared_ptr<Service> service_;
    std::unique_ptr<net::Stream> stream_;
    net::TlsStream* tls_ = nullptr;  // stream_, where it is one
    net::Socket* socket_ = nullptr;  // of stream_
    net::Buffer input_;
    std::unique_ptr<Transaction> transaction_;
    std::unique_ptr<ConnectionNotes> notes_;
    net::Deadline deadline_;
    SocketAddress peer_;
    http::HeadScan scan_;
    Connection* next_ = nullptr;  // the worker's list
    Connection** link_ = nullptr;
    std::uint64_t address_key_ = 0;  // under which the worker counts it; 0 = it doesn't
    std::uint32_t lingered_bytes_ = 0;
    State state_ = State::handshaking;
    bool crowded_ = false;
    bool client_left_ = false;
    bool draining_ = false;
    bool says_last_words_ = false;  // while lingering: what the client hasn't taken yet
    bool parked_ = false;           // idle, and TLS has given its buffers back
    bool advancing_ = false;
    bool advance_again_ = false;
};
static_assert(sizeof(Connection) <= 512);

}  // namespace eg::server
