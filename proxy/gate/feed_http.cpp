#include "proxy/gate/feed_http.h"

#include <mutex>

#include <curl/curl.h>
#include <fmt/format.h>

#include "proxy/base/check.h"
#include "proxy/base/text.h"
#include "proxy/gate/version.h"

namespace eg::gate {

namespace {

/// Bodies that don't matter (of a refusal) are read up to here.
constexpr std::size_t kMostIgnored = 1024 * 1024;
/// A connection is renewed after so long, so that renewed identity files come into use.
constexpr long kMostConnectionAge = 3600;

struct FreeEasy {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

void initialise_curl() {
    static std::once_flag once;
    std::call_once(once, [] { EG_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

template <typename Value>
void set(CURL* easy, CURLoption option, Value value) {
    EG_CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

}  // namespace

struct HttpLoop::Handles {
    CURLM* multi = nullptr;
};

struct HttpTransfer::State {
    explicit State(CURLM* loop) : multi(loop) {}

    CURLM* multi;
    std::unique_ptr<CURL, FreeEasy> easy{curl_easy_init()};
    std::unique_ptr<curl_slist, FreeList> fields;
    HttpRequest request;
    std::function<void(const HttpOutcome&)> done;
    std::array<char, CURL_ERROR_SIZE> error{};
    std::size_t ignored = 0;
    bool running = false;
    bool fresh = false;

    [[nodiscard]] long status() const {
        long status = 0;
        curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
        return status;
    }

    static std::size_t on_field(char* data, std::size_t size, std::size_t count, void* self) {
        const std::string_view line(data, size * count);
        auto& state = *static_cast<State*>(self);
        if (line.starts_with("HTTP/") && state.request.on_head) {
            state.request.on_head();
        }
        return line.size();
    }

    static std::size_t on_data(char* data, std::size_t size, std::size_t count, void* self) {
        const std::string_view bytes(data, size * count);
        auto& state = *static_cast<State*>(self);
        bool more = true;
        if (state.request.on_body && state.status() == 200) {
            more = state.request.on_body(bytes);
        } else {
            state.ignored += bytes.size();
            more = state.ignored <= kMostIgnored;
        }
        return more ? bytes.size() : 0;
    }

    void set_access(const MdmAccess& access) {
        CURL* const handle = easy.get();
        set(handle, CURLOPT_PROTOCOLS_STR, access.plain_http ? "http,https" : "https");
        set(handle, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
        set(handle, CURLOPT_SSL_VERIFYPEER, access.allow_all_certificates ? 0L : 1L);
        set(handle, CURLOPT_SSL_VERIFYHOST, access.allow_all_certificates ? 0L : 2L);
        // A resumed TLS connection would bear the identity of before.
        set(handle, CURLOPT_SSL_SESSIONID_CACHE, 0L);
        set(handle, CURLOPT_MAXLIFETIME_CONN, kMostConnectionAge);
        if (!access.ca_file.empty()) {
            set(handle, CURLOPT_CAINFO, access.ca_file.c_str());
            set(handle, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
        }
        if (!access.certificate_file.empty()) {
            set(handle, CURLOPT_SSLCERT, access.certificate_file.c_str());
            set(handle, CURLOPT_SSLKEY, access.private_key_file.c_str());
        }
    }

    void set_request() {
        CURL* const handle = easy.get();
        set(handle, CURLOPT_URL, request.url.c_str());
        set(handle, CURLOPT_NOSIGNAL, 1L);
        set(handle, CURLOPT_PROXY, "");  // whatever the environment says
        set(handle, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
        set(handle, CURLOPT_QUICK_EXIT, 1L);
        set(handle, CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.connect.count()));
        set(handle, CURLOPT_LOW_SPEED_LIMIT, 100L);
        set(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.silence.count()));
        set(handle, CURLOPT_TIMEOUT, static_cast<long>(request.total.count()));
        set(handle, CURLOPT_ACCEPT_ENCODING, "gzip");
        set(handle, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
        set(handle, CURLOPT_ERRORBUFFER, error.data());
        set(handle, CURLOPT_HEADERFUNCTION, &State::on_field);
        set(handle, CURLOPT_HEADERDATA, static_cast<void*>(this));
        set(handle, CURLOPT_WRITEFUNCTION, &State::on_data);
        set(handle, CURLOPT_WRITEDATA, static_cast<void*>(this));
        set(handle, CURLOPT_PRIVATE, static_cast<void*>(this));
        const std::string agent = fmt::format("easgate/{}", kVersion);
        set(handle, CURLOPT_USERAGENT, agent.c_str());
        if (request.post) {
            set(handle, CURLOPT_POST, 1L);
            set(handle, CURLOPT_POSTFIELDS, request.body.data());
            set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
            curl_slist* list = curl_slist_append(nullptr, "Content-Type: application/x-ndjson");
            list = curl_slist_append(list, "Expect:");
            fields.reset(list);
            set(handle, CURLOPT_HTTPHEADER, list);
        }
    }

    void end(CURLcode code) {
        HttpOutcome outcome;
        outcome.status = status();
        if (code != CURLE_OK) {
            outcome.error = error[0] != '\0' ? error.data() : curl_easy_strerror(code);
        }
        leave();
        // The callback may start the next request on this handle.
        const auto callback = std::move(done);
        done = nullptr;
        callback(outcome);
    }

    void leave() {
        if (running) {
            curl_multi_remove_handle(multi, easy.get());
            running = false;
        }
    }
};

HttpLoop::HttpLoop() {
    initialise_curl();
    handles_ = std::make_unique<Handles>();
    handles_->multi = curl_multi_init();
    EG_CHECK(handles_->multi != nullptr);
}

HttpLoop::~HttpLoop() {
    curl_multi_cleanup(handles_->multi);
}

void HttpLoop::turn() {
    int running = 0;
    curl_multi_perform(handles_->multi, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(handles_->multi, &left)) {
        if (message->msg == CURLMSG_DONE) {
            void* state = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &state);
            static_cast<HttpTransfer::State*>(state)->end(message->data.result);
        }
    }
}

void HttpLoop::wait(Milliseconds timeout) {
    curl_multi_poll(handles_->multi, nullptr, 0, static_cast<int>(timeout.count()), nullptr);
}

void HttpLoop::wake() {
    curl_multi_wakeup(handles_->multi);
}

HttpTransfer::HttpTransfer(HttpLoop& loop) : state_(std::make_unique<State>(loop.handles_->multi)) {
    EG_CHECK(state_->easy != nullptr);
}

HttpTransfer::~HttpTransfer() {
    state_->leave();
}

void HttpTransfer::start(const MdmAccess& access, HttpRequest request,
                         std::function<void(const HttpOutcome&)> done) {
    State& state = *state_;
    EG_CHECK(!state.running);
    curl_easy_reset(state.easy.get());
    state.fields.reset();
    state.request = std::move(request);
    state.done = std::move(done);
    state.error[0] = '\0';
    state.ignored = 0;
    state.set_access(access);
    state.set_request();
    state.fresh = false;
    state.running = true;
    EG_CHECK(curl_multi_add_handle(state.multi, state.easy.get()) == CURLM_OK);
}

void HttpTransfer::cancel() {
    state_->leave();
}

bool HttpTransfer::running() const {
    return state_->running;
}

void HttpTransfer::renew_connection() {
    state_->fresh = true;
}

std::string url_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            out += c;
        } else {
            out += '%';
            out += to_hex({&c, 1});
        }
    }
    return out;
}

}  // namespace eg::gate
