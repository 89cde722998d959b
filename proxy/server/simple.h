/// Whole bounded request in, answer out: what the companion, the admin endpoint and the control
/// socket are made of. The gate's mail traffic never passes here.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/ip.h"
#include "proxy/base/units.h"
#include "proxy/http/head.h"

namespace eg::server {

/// Valid during Handler::handle only.
struct SimpleRequest {
    const http::RequestHead& head;
    std::string_view body;  // whole, at most Handler::body_limit()
    std::string_view
        certificate_hash;  // SHA-256 of the client certificate (DER), 32 bytes; "" = none was sent
    std::string_view request_id;
    IpAddress client;
};

/// Gives the body of an answer piece by piece, for what is too large to hold. Runs on the worker.
class BodySource {
  public:
    virtual ~BodySource() = default;
    /// Appends the next piece (some 64 KiB) to `out`; false when nothing is left. Throws nothing.
    /// `failed` set: the answer is cut off, so that the client sees that it isn't whole.
    virtual bool read(std::string& out, bool& failed) = 0;
};

struct SimpleResponse {
    unsigned status = 200;
    std::vector<std::pair<std::string, std::string>>
        fields;  // Content-Type and the like; framing is ours
    std::string body;
    std::unique_ptr<BodySource> source;  // instead of `body`; sent chunked
};

class SimpleTransaction;

/// The right to answer one request, now or later, on the worker's thread. Dropping it unanswered
/// gives 500.
class Reply {
  public:
    Reply() = default;
    explicit Reply(std::shared_ptr<SimpleTransaction*> target) : target_(std::move(target)) {}
    Reply(Reply&&) = default;
    Reply& operator=(Reply&&) = default;
    Reply(const Reply&) = delete;
    Reply& operator=(const Reply&) = delete;
    ~Reply();

    /// Answers. Does nothing if the client has left, or if the answer is already given.
    void send(SimpleResponse response);
    /// If nothing was sent after `wait`, `late()` makes the answer. Call at most once.
    void send_later(Milliseconds wait, std::function<SimpleResponse()> late);
    /// False once the client has left or the answer was given.
    [[nodiscard]] bool alive() const;

  private:
    std::shared_ptr<SimpleTransaction*> target_;  // points to null once the transaction is gone
};

class Handler {
  public:
    virtual ~Handler() = default;
    /// Largest body that this request may have; asked once the head is known. More is answered 413.
    [[nodiscard]] virtual std::size_t body_limit(const http::RequestHead& head) const = 0;
    /// Answers through `reply`, now or later. Must not throw. May block only where the process
    /// allows it (the companion's small database reads).
    virtual void handle(const SimpleRequest& request, Reply reply) = 0;
};

}  // namespace eg::server
