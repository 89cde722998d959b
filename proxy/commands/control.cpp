#include "proxy/commands/control.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "proxy/config/read.h"
#include "proxy/http/target.h"

namespace eg::commands {
namespace {

constexpr long kConnectSeconds = 3;
constexpr long kSilentSeconds = 15;  // a list of devices may take longer as a whole

struct CurlFree {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

using Sink = std::function<void(std::string_view)>;

struct Receiver {
    CURL* curl;
    const Sink& sink;
};

std::size_t take_body(char* data, std::size_t /*one*/, std::size_t size, void* user) {
    const auto* receiver = static_cast<const Receiver*>(user);
    long status = 0;
    curl_easy_getinfo(receiver->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
        receiver->sink({data, size});
    }
    return size;
}

std::string explain_failure(CURLcode code, long system_error, const std::string& socket) {
    if (code == CURLE_COULDNT_CONNECT) {
        if (system_error == EACCES || system_error == EPERM) {
            return fmt::format(
                "not allowed to open the control socket {}; run this as the user of the node or as "
                "root",
                socket);
        }
        return fmt::format("no node is running here: nobody answers at the control socket {}",
                           socket);
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return fmt::format("the node doesn't answer at the control socket {}", socket);
    }
    return fmt::format("the answer at the control socket {} broke off: {}", socket,
                       curl_easy_strerror(code));
}

}  // namespace

std::expected<std::string, std::string> control_socket(const std::string& config) {
    const Result<config::ReadResult> read = config::read_file(config);
    if (!read) {
        return std::unexpected(fmt::format("can't read the configuration file {}: {}", config,
                                           std::strerror(read.error().sys_errno)));
    }
    if (read->config.node.control.empty()) {
        return std::unexpected(
            fmt::format("the configuration file {} has errors; see 'easgate check'", config));
    }
    return read->config.node.control;
}

namespace {

std::expected<unsigned, std::string> ask(const char* method, const std::string& socket,
                                         const std::string& target, const Sink& sink) {
    const std::unique_ptr<CURL, CurlFree> handle(curl_easy_init());
    if (handle == nullptr) {
        return std::unexpected("libcurl can't be used");
    }
    const std::string url = "http://localhost" + target;
    CURL* curl = handle.get();
    Receiver receiver{curl, sink};
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");  // whatever the environment says
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &receiver);
    const CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        long system_error = 0;
        curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &system_error);
        return std::unexpected(explain_failure(code, system_error, socket));
    }
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<unsigned>(status);
}

}  // namespace

std::expected<unsigned, std::string> fetch(const std::string& socket, const std::string& target,
                                           const Sink& sink) {
    return ask("GET", socket, target, sink);
}

std::expected<unsigned, std::string> send_delete(const std::string& socket,
                                                 const std::string& target, const Sink& sink) {
    return ask("DELETE", socket, target, sink);
}

std::string target_of(
    std::string_view path,
    std::initializer_list<std::pair<std::string_view, std::string_view>> parameters) {
    std::string target(path);
    char separator = '?';
    for (const auto& [name, value] : parameters) {
        if (!value.empty()) {
            target.append(1, separator).append(name).append("=");
            target += http::percent_encode(value);
            separator = '&';
        }
    }
    return target;
}

void complain(std::string_view sentence) {
    fmt::print(stderr, "easgate: {}\n", sentence);
}

}  // namespace eg::commands
