/// Requests to the MDM server: the only place of the gate that includes libcurl.
///
/// Thread: all of it on the feed's, but wake(), which any thread may call.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/units.h"

namespace eg::gate {

/// With whom we talk, and as whom.
struct MdmAccess {
    std::string certificate_file;  // our identity; read anew for each connection
    std::string private_key_file;
    std::string ca_file;  // "" = the system's
    bool allow_all_certificates = false;
    bool plain_http = false;  // tests only
};

struct HttpRequest {
    std::string url;
    bool post = false;
    std::string body;                               // of a POST, application/x-ndjson
    std::chrono::seconds connect{10};               // until TLS stands
    std::chrono::seconds silence{20};               // longest time in which next to nothing comes
    std::chrono::seconds total{0};                  // the whole request; 0 = as long as bytes come
    std::function<void()> on_head;                  // the first line of the final response is here
    std::function<bool(std::string_view)> on_body;  // decoded, of a 200 only; false = enough
};

struct HttpOutcome {
    long status = 0;
    std::string error;  // "" = the response is whole
};

/// The transfers that run at the same time.
class HttpLoop {
  public:
    HttpLoop();
    ~HttpLoop();
    HttpLoop(const HttpLoop&) = delete;
    HttpLoop& operator=(const HttpLoop&) = delete;

    /// Moves bytes and calls the callbacks of transfers; `done` of those that ended.
    void turn();
    /// Waits for the network, wake() or the timeout.
    void wait(Milliseconds timeout);
    void wake();

  private:
    friend class HttpTransfer;
    struct Handles;
    std::unique_ptr<Handles> handles_;
};

/// One request at a time; its connection is kept for the next one.
class HttpTransfer {
  public:
    explicit HttpTransfer(HttpLoop& loop);
    ~HttpTransfer();
    HttpTransfer(const HttpTransfer&) = delete;
    HttpTransfer& operator=(const HttpTransfer&) = delete;

    /// `done` is called by a later HttpLoop::turn(), once, unless cancel() comes first. Not while
    /// running().
    void start(const MdmAccess& access, HttpRequest request,
               std::function<void(const HttpOutcome&)> done);
    void cancel();
    [[nodiscard]] bool running() const;
    /// Connections that stand are not used again: the next request makes its own, with the files as
    /// they are.
    void renew_connection();

  private:
    friend class HttpLoop;
    struct State;
    std::unique_ptr<State> state_;
};

/// `text` as the value of a query parameter.
[[nodiscard]] std::string url_encode(std::string_view text);

}  // namespace eg::gate
