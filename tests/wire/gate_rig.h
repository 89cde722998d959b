/// One worker of the gate without its thread: a real loop, real connections and pools on 127.0.0.1,
/// with a clock and a resolver that obey the test. The test plays the phones and the mail server.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/device/table.h"
#include "proxy/gate/instance.h"
#include "proxy/gate/metrics.h"
#include "proxy/gate/proxy_service.h"
#include "proxy/gate/slot.h"
#include "proxy/log/log.h"
#include "proxy/net/resolver.h"
#include "proxy/server/worker.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_resolver.h"
#include "tests/support/peer.h"
#include "tests/unit/certs/maker.h"

namespace eg::test {

/// The WBXML of an empty FolderSync, Sync, SendMail and Ping.
inline constexpr std::string_view kFolderSync("\x03\x01\x6a\x00\x00\x07\x56\x01", 8);
inline constexpr std::string_view kSync("\x03\x01\x6a\x00\x45\x01", 6);
inline constexpr std::string_view kSendMail("\x03\x01\x6a\x00\x00\x15\x45\x01", 8);
inline constexpr std::string_view kPing("\x03\x01\x6a\x00\x00\x0d\x45\x01", 8);

/// A whole request of the device PHONE1 (or another).
[[nodiscard]] std::string request(std::string_view command, std::string_view body = {},
                                  std::string_view device = "PHONE1", std::string_view fields = {});
/// A whole answer with a length.
[[nodiscard]] std::string answer(unsigned status, std::string_view body,
                                 std::string_view fields = {});

/// A device that any user may use.
[[nodiscard]] device::Record phone(std::string id, device::State state);

class GateRig {
  public:
    explicit GateRig(const std::function<void(config::Config&)>& change = {});
    ~GateRig();
    GateRig(const GateRig&) = delete;
    GateRig& operator=(const GateRig&) = delete;

    [[nodiscard]] Peer connect() const { return Peer::connect(port_); }
    /// The mail server accepts a connection; checks that there is one soon.
    [[nodiscard]] Peer upstream();
    [[nodiscard]] std::optional<Peer> upstream_if_any() const { return mail_server_.accept(); }
    void stop_mail_server() { mail_server_.close(); }

    void turn(int times = 1);
    void pass(Milliseconds time);
    /// Turns until it is so; false if it doesn't come about.
    [[nodiscard]] bool until(const std::function<bool()>& happened);
    /// Turns until `peer` has got `text`.
    [[nodiscard]] bool receives(Peer& peer, std::string_view text);
    [[nodiscard]] bool sees_end(Peer& peer);

    void set_devices(const std::vector<device::Record>& records);
    /// What a reload does: a new service takes the place of the old one.
    void reload();

    [[nodiscard]] server::Worker& worker() { return worker_; }
    [[nodiscard]] gate::ProxyService& service() { return *service_; }
    [[nodiscard]] gate::Slot& slot() { return slot_; }
    [[nodiscard]] gate::InstanceMetrics& metrics() { return *slot_.metrics; }
    [[nodiscard]] FakeResolver& resolver() { return resolver_; }
    [[nodiscard]] server::ConnectionLimit& limit() { return limit_; }
    [[nodiscard]] std::uint64_t requests() const { return context_.requests; }
    /// How many requests ended for this reason.
    [[nodiscard]] std::uint64_t ended(filters::Reason reason) const;
    [[nodiscard]] std::uint64_t access_lines() const;
    /// What spooled bodies hold.
    [[nodiscard]] std::uint64_t spooled_bytes() const { return spool_space_.used(); }
    /// Nothing is left that somebody would have to end: see the list in the function.
    [[nodiscard]] std::string leaks() const;

  private:
    [[nodiscard]] std::shared_ptr<gate::ProxyService> make_service();

    FakeClock clock_;
    FakeResolver resolver_;
    Folder folder_;
    log::Log log_;
    log::LogSink sink_{log_};
    gate::Metrics metrics_;
    server::ConnectionLimit limit_;
    gate::SpoolSpace spool_space_;
    config::Config config_;
    std::uint64_t generation_ = 1;
    Door mail_server_;
    server::Worker worker_;
    net::NameCache names_;
    gate::WorkerContext context_;
    gate::Slot slot_;
    std::shared_ptr<gate::ProxyService> service_;
    std::vector<std::weak_ptr<gate::ProxyService>> retired_;
    SocketAddress address_;
    std::uint16_t port_ = 0;
};

}  // namespace eg::test
