/// What the gates ask the companion: `/api/gateway/v1/devices` and `/observations`
/// (docs/mdm-api.md).
///
/// Belongs to one worker and runs on its thread only, the timer calls included. Each request is
/// judged by the client certificate of its connection, looked up anew, so that a removed instance
/// is shut out at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mdm/api/feed_question.h"
#include "mdm/store/database.h"
#include "mdm/store/instances.h"
#include "proxy/log/log.h"
#include "proxy/server/simple.h"

namespace eg::mdm {

class GatewayApi final : public server::Handler {
  public:
    static constexpr std::size_t kMostReportBytes = std::size_t{4} * 1024 * 1024;
    /// Held requests at a time; more are answered 503. A gate holds one an instance and node.
    static constexpr std::size_t kMostHeld = 2000;
    /// Answers that stream from a snapshot at a time; more are answered 503.
    static constexpr int kMostStreams = 16;
    /// How often poll() wants to be called while anything is held.
    static constexpr Milliseconds kPollEvery{100};

    /// Both outlive the handler.
    GatewayApi(Database& database, log::Log& log) : database_(database), log_(log) {}

    [[nodiscard]] std::size_t body_limit(const http::RequestHead& head) const override;
    void handle(const server::SimpleRequest& request, server::Reply reply) override;

    /// Answers the held requests whose devices have changed, by whichever process. Costs one small
    /// query while something is held, else nothing.
    void poll();
    /// Answers all held requests with 204, for a clean end of the process.
    void release();
    [[nodiscard]] std::size_t held() const { return held_.size(); }

  private:
    struct Held {
        std::string certificate_hash;
        std::int64_t instance = 0;
        std::int64_t since = 0;
        bool gzip = false;
        server::Reply reply;
    };

    void devices(const server::SimpleRequest& request, const Instance& instance,
                 server::Reply reply);
    void observations(const server::SimpleRequest& request, const Instance& instance,
                      server::Reply reply);
    void hold(Held held, std::chrono::seconds wait);
    void answer_held(Held& held);
    /// `since` nothing: all devices.
    [[nodiscard]] server::SimpleResponse document(const Instance& instance,
                                                  std::optional<std::int64_t> since, bool gzip);

    Database& database_;
    log::Log& log_;
    std::vector<Held> held_;
    std::shared_ptr<int> streams_ = std::make_shared<int>(0);
};

}  // namespace eg::mdm
