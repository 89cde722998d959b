/// The phones of one run, and what they do: requests over and over on connections that stay, one
/// new connection for each request, requests at a fixed rate, or Pings that are held. A run has two
/// parts: a warm-up, after which everything is quiet until `go()`, and the measured part, which
/// ends when the last answer has come.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/http.h"
#include "bench/load/phone.h"

namespace eg::bench {

struct CrowdSettings {
    enum class Mode : std::uint8_t { keep, reconnect, rate, hold };
    Mode mode = Mode::keep;
    std::uint16_t port = 0;
    bool resume = false;
    std::size_t connections = 64;
    std::uint64_t first_device = 0;
    std::uint64_t devices = 10'000;
    std::uint64_t most = 0;  // requests; 0 = as many as the time allows
    std::uint64_t per_second = 0;
    double seconds = 1;
    double warm_seconds = 0.3;
    int expected_status = 200;
    RequestKind request;
};

struct CrowdResult {
    std::uint64_t requests = 0;
    std::uint64_t wrong_status = 0;
    std::uint64_t lost = 0;
    std::uint64_t resumed = 0;
    std::uint64_t bytes_in = 0;
    double seconds = 0;
    std::vector<std::uint32_t> latency_us;  // sorted
};

class Crowd final : public PhoneOwner {
  public:
    /// `tls` may be null: plain TCP.
    Crowd(const CrowdSettings& settings, SSL_CTX* tls);
    ~Crowd() override;

    /// Returns when all phones are connected and warm and nothing is on its way; held Pings are.
    void warm_up();
    /// The measured part. Of held Pings: the time until all are answered.
    CrowdResult go();

    void connected(Phone& phone) override;
    void answered(Phone& phone, int status) override;
    void lost(Phone& phone) override;

  private:
    class Ticker;
    void start_part(double seconds, std::uint64_t most);
    void run_part();
    void next(Phone& phone);
    void open(Phone& phone);
    void ask(Phone& phone, std::uint64_t due_ns);
    void due();
    [[nodiscard]] bool over() const;

    CrowdSettings settings_;
    Poller poller_;
    std::vector<std::string> heads_;
    std::string body_;
    std::unique_ptr<Ticker> ticker_;
    std::vector<std::unique_ptr<Phone>> phones_;
    std::vector<Phone*> idle_;           // of the fixed rate
    std::deque<std::uint64_t> backlog_;  // due times that found no idle phone
    CrowdResult result_;
    std::size_t next_head_ = 0;
    std::size_t opened_ = 0;
    std::size_t standing_ = 0;
    std::uint64_t begun_ = 0;   // requests or connections of this part
    std::uint64_t active_ = 0;  // of them without an answer
    std::uint64_t most_ = 0;
    std::uint64_t end_ns_ = 0;
    std::uint64_t next_due_ns_ = 0;
};

}  // namespace eg::bench
