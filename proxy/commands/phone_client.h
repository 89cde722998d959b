/// The simulated phone's HTTP side: one connection kept over all steps, one request at a time.
/// One thread; blocks; owns libcurl's handle.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <curl/curl.h>

#include "proxy/base/error.h"
#include "proxy/base/units.h"
#include "proxy/commands/phone.h"

namespace eg::commands {

struct PhoneAnswer {
    long status = 0;  // 0: no HTTP answer came; `failure` says why
    std::string failure;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    Milliseconds took{0};

    /// The first field of this name in any letter case, or "".
    [[nodiscard]] std::string_view header(std::string_view name) const;
};

struct PhoneRequest {
    std::string_view method = "POST";
    std::string query;                 // without `?`; empty: none
    std::string body;                  // of a POST
    std::string content_type;          // empty: none is sent
    std::vector<std::string> headers;  // "Name: value"
    std::chrono::seconds timeout{30};
};

class PhoneClient {
  public:
    /// `options` must outlive the client. Fails on a URL that isn't http or https with a host.
    [[nodiscard]] static Result<PhoneClient> make(const PhoneOptions& options);

    PhoneClient(PhoneClient&& other) noexcept;
    PhoneClient& operator=(PhoneClient&&) = delete;
    PhoneClient(const PhoneClient&) = delete;
    PhoneClient& operator=(const PhoneClient&) = delete;
    ~PhoneClient();

    [[nodiscard]] PhoneAnswer send(const PhoneRequest& request);

  private:
    PhoneClient(const PhoneOptions& options, CURL* curl, std::string url);
    void set_connection_options();

    const PhoneOptions& options_;
    CURL* curl_;
    std::string url_;  // up to the path, which is never empty
};

inline constexpr std::size_t kPhoneAnswerMax = 16u * 1024 * 1024;  // bytes of an answer's body

}  // namespace eg::commands
