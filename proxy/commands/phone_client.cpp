#include "proxy/commands/phone_client.h"

#include <array>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "proxy/base/text.h"

namespace eg::commands {
namespace {

constexpr std::string_view kDefaultPath = "/Microsoft-Server-ActiveSync";

struct UrlFree {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct TextFree {
    void operator()(char* text) const { curl_free(text); }
};
struct ListFree {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// One part of a URL, or "".
std::string url_part(CURLU* url, CURLUPart part) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK) {
        return {};
    }
    const std::unique_ptr<char, TextFree> owner(text);
    return text;
}

/// The URL of the service: as given, with the usual path where none is.
std::optional<std::string> service_url(const std::string& given) {
    const std::unique_ptr<CURLU, UrlFree> url(curl_url());
    if (url == nullptr || curl_url_set(url.get(), CURLUPART_URL, given.c_str(), 0) != CURLUE_OK) {
        return std::nullopt;
    }
    const std::string scheme = url_part(url.get(), CURLUPART_SCHEME);
    if ((scheme != "https" && scheme != "http") || !url_part(url.get(), CURLUPART_USER).empty() ||
        !url_part(url.get(), CURLUPART_QUERY).empty() ||
        !url_part(url.get(), CURLUPART_FRAGMENT).empty()) {
        return std::nullopt;
    }
    if (url_part(url.get(), CURLUPART_PATH) == "/") {
        curl_url_set(url.get(), CURLUPART_PATH, std::string(kDefaultPath).c_str(), 0);
    }
    return url_part(url.get(), CURLUPART_URL);
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* answer) {
    std::string& body = static_cast<PhoneAnswer*>(answer)->body;
    if (body.size() + size * count > kPhoneAnswerMax) {
        return 0;  // libcurl ends the transfer
    }
    body.append(data, size * count);
    return size * count;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* answer) {
    auto& headers = static_cast<PhoneAnswer*>(answer)->headers;
    const std::string_view line(data, size * count);
    if (line.starts_with("HTTP/")) {
        headers.clear();  // an informational answer came before
    }
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
        std::string_view value = line.substr(colon + 1);
        while (!value.empty() && (value.back() == '\r' || value.back() == '\n')) {
            value.remove_suffix(1);
        }
        headers.emplace_back(line.substr(0, colon), trim(value));
    }
    return size * count;
}

/// libcurl's reasons in words that don't need its manual.
std::string failure_text(CURLcode code, const char* detail, std::chrono::seconds timeout) {
    switch (code) {
        case CURLE_GOT_NOTHING:
            return "the connection was closed without an answer";
        case CURLE_OPERATION_TIMEDOUT:
            return fmt::format("no answer within {} s", timeout.count());
        case CURLE_WRITE_ERROR:
            return "the answer is larger than a phone takes";
        default:
            return detail[0] != '\0' ? detail : curl_easy_strerror(code);
    }
}

}  // namespace

std::string_view PhoneAnswer::header(std::string_view name) const {
    for (const auto& [field, value] : headers) {
        if (iequals(field, name)) {
            return value;
        }
    }
    return {};
}

Result<PhoneClient> PhoneClient::make(const PhoneOptions& options) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    std::optional<std::string> url = service_url(options.url);
    if (!url) {
        return fail(ErrorCode::malformed, Side::self, "the URL must be https://HOST[:PORT][/PATH]");
    }
    CURL* curl = curl_easy_init();
    if (curl == nullptr) {
        return fail(ErrorCode::unavailable, Side::self, "libcurl has no memory");
    }
    return PhoneClient(options, curl, *std::move(url));
}

PhoneClient::PhoneClient(const PhoneOptions& options, CURL* curl, std::string url)
    : options_(options), curl_(curl), url_(std::move(url)) {}

PhoneClient::PhoneClient(PhoneClient&& other) noexcept
    : options_(other.options_),
      curl_(std::exchange(other.curl_, nullptr)),
      url_(std::move(other.url_)) {}

PhoneClient::~PhoneClient() {
    if (curl_ != nullptr) {
        curl_easy_cleanup(curl_);
    }
}

/// Set anew for each request, since `send` resets the handle (the connection survives that).
void PhoneClient::set_connection_options() {
    curl_easy_setopt(curl_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_, CURLOPT_PROXY, "");  // not through a proxy of the environment
    curl_easy_setopt(curl_, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(curl_, CURLOPT_SSL_VERIFYPEER, options_.insecure ? 0L : 1L);
    curl_easy_setopt(curl_, CURLOPT_SSL_VERIFYHOST, options_.insecure ? 0L : 2L);
    if (!options_.ca_file.empty()) {
        curl_easy_setopt(curl_, CURLOPT_CAINFO, options_.ca_file.c_str());
    }
    if (!options_.client_certificate.empty()) {
        curl_easy_setopt(curl_, CURLOPT_SSLCERT, options_.client_certificate.c_str());
        curl_easy_setopt(
            curl_, CURLOPT_SSLKEY,
            (options_.client_key.empty() ? options_.client_certificate : options_.client_key)
                .c_str());
    }
    if (!options_.user.empty()) {
        curl_easy_setopt(curl_, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
        curl_easy_setopt(curl_, CURLOPT_USERNAME, options_.user.c_str());
        curl_easy_setopt(curl_, CURLOPT_PASSWORD, std::string(options_.password.reveal()).c_str());
    }
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, on_header);
}

PhoneAnswer PhoneClient::send(const PhoneRequest& request) {
    curl_easy_reset(curl_);
    set_connection_options();
    PhoneAnswer answer;
    std::array<char, CURL_ERROR_SIZE> detail{};
    const std::string url = request.query.empty() ? url_ : url_ + "?" + request.query;
    curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, detail.data());
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl_, CURLOPT_HEADERDATA, &answer);
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT, static_cast<long>(request.timeout.count()));
    if (request.method == "POST") {
        curl_easy_setopt(curl_, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(curl_, CURLOPT_POSTFIELDS, request.body.data());
    } else {
        curl_easy_setopt(curl_, CURLOPT_CUSTOMREQUEST, std::string(request.method).c_str());
    }
    std::vector<std::string> lines = request.headers;
    lines.emplace_back("Expect:");  // a name without a value takes libcurl's own field away
    lines.push_back(request.content_type.empty() ? "Content-Type:"
                                                 : "Content-Type: " + request.content_type);
    lines.push_back(options_.user_agent.empty() ? "User-Agent:"
                                                : "User-Agent: " + options_.user_agent);
    curl_slist* list = nullptr;
    for (const std::string& line : lines) {
        list = curl_slist_append(list, line.c_str());
    }
    const std::unique_ptr<curl_slist, ListFree> owner(list);
    curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, list);

    const MonotonicTime begin = std::chrono::steady_clock::now();
    const CURLcode code = curl_easy_perform(curl_);
    answer.took =
        std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - begin);
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &answer.status);
    if (code != CURLE_OK) {
        answer.status = 0;
        answer.failure = failure_text(code, detail.data(), request.timeout);
    }
    return answer;
}

}  // namespace eg::commands
