#include "mdm/api/gateway_api.h"

#include <algorithm>
#include <ctime>
#include <string_view>
#include <utility>

#include "mdm/api/cursor.h"
#include "mdm/api/feed_document.h"
#include "mdm/api/gzip_body.h"
#include "mdm/api/report_lines.h"
#include "mdm/store/observations.h"
#include "proxy/base/text.h"

namespace eg::mdm {
namespace {

using server::SimpleResponse;

constexpr std::string_view kDevicesPath = "/api/gateway/v1/devices";
constexpr std::string_view kObservationsPath = "/api/gateway/v1/observations";
/// Answers of at most so many devices are made at once, larger ones while they are sent.
constexpr std::int64_t kSmallCount = 500;

SimpleResponse plain(unsigned status, std::string text) {
    return {
        status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(text) + '\n', nullptr};
}

SimpleResponse try_later(std::string text) {
    SimpleResponse response = plain(503, std::move(text));
    response.fields.emplace_back("Retry-After", "5");
    return response;
}

SimpleResponse unknown_certificate() {
    SimpleResponse response =
        plain(401,
              "This server doesn't know your client certificate. An administrator adds it with "
              "`easgate-mdm instance add`.");
    // RFC 9110 15.5.2 wants a challenge; there is no registered scheme for TLS client certificates.
    response.fields.emplace_back("WWW-Authenticate", "ClientCertificate");
    return response;
}

SimpleResponse wrong_method(const char* allowed) {
    SimpleResponse response = plain(405, "This address knows another method.");
    response.fields.emplace_back("Allow", allowed);
    return response;
}

SimpleResponse nothing_changed() {
    return {204, {}, {}, nullptr};
}

SimpleResponse cursor_too_old() {
    return plain(410, "That cursor is too old or not of this table; ask without `since`.");
}

/// Counts the streaming answers that are under way.
class CountedBody final : public server::BodySource {
  public:
    CountedBody(std::unique_ptr<BodySource> body, std::shared_ptr<int> count)
        : body_(std::move(body)), count_(std::move(count)) {
        ++*count_;
    }
    ~CountedBody() override { --*count_; }
    CountedBody(const CountedBody&) = delete;
    CountedBody& operator=(const CountedBody&) = delete;
    bool read(std::string& out, bool& failed) override { return body_->read(out, failed); }

  private:
    std::unique_ptr<BodySource> body_;
    std::shared_ptr<int> count_;
};

/// False if the source failed; then nothing of `out` may be sent.
bool read_whole(server::BodySource& source, std::string& out) {
    bool failed = false;
    while (source.read(out, failed) && !failed) {
    }
    return !failed;
}

}  // namespace

std::size_t GatewayApi::body_limit(const http::RequestHead& head) const {
    return head.path == kObservationsPath ? kMostReportBytes : 0;
}

void GatewayApi::handle(const server::SimpleRequest& request, server::Reply reply) {
    const bool wants_devices = request.head.path == kDevicesPath;
    if (!wants_devices && request.head.path != kObservationsPath) {
        return reply.send(plain(404, "There is nothing here; gates ask /api/gateway/v1/."));
    }
    const http::Method method = wants_devices ? http::Method::get : http::Method::post;
    if (request.head.method != method) {
        return reply.send(wrong_method(wants_devices ? "GET" : "POST"));
    }
    if (request.certificate_hash.empty()) {
        log_.event(log::Level::warning, "api", "{} sent no client certificate",
                   request.client.to_string());
        return reply.send(unknown_certificate());
    }
    const auto instance = Instances(database_).find_by_certificate(request.certificate_hash);
    if (!instance) {
        log_.event(log::Level::error, "api", "{}", instance.error().text);
        return reply.send(try_later("The database can't be read."));
    }
    if (!*instance) {
        log_.event(log::Level::warning, "api",
                   "{} sent a certificate that no instance has (SHA-256 {})",
                   request.client.to_string(), lower(to_hex(request.certificate_hash)));
        return reply.send(unknown_certificate());
    }
    wants_devices ? devices(request, **instance, std::move(reply))
                  : observations(request, **instance, std::move(reply));
}

void GatewayApi::devices(const server::SimpleRequest& request, const Instance& instance,
                         server::Reply reply) {
    const auto question = parse_question(request.head.query);
    if (!question) {
        return reply.send(
            plain(400, "The query is malformed: since=CURSOR and wait=SECONDS are known."));
    }
    const bool gzip = accepts_gzip(request.head.fields.value(http::FieldName::accept_encoding));
    if (!question->since) {
        return reply.send(document(instance, std::nullopt, gzip));
    }
    const auto since = parse_cursor(*question->since, instance.feed_id);
    if (!since || *since > instance.last_change || *since < instance.forgotten_change) {
        return reply.send(cursor_too_old());
    }
    if (*since < instance.last_change) {
        return reply.send(document(instance, since, gzip));
    }
    hold({std::string(request.certificate_hash), instance.id, *since, gzip, std::move(reply)},
         question->wait);
}

void GatewayApi::observations(const server::SimpleRequest& request, const Instance& instance,
                              server::Reply reply) {
    if (request.head.fields.find(http::FieldName::content_encoding) != nullptr) {
        return reply.send(plain(415, "Reports are taken without a content coding."));
    }
    const ParsedReport parsed = parse_report(request.body, std::time(nullptr));
    if (parsed.bad_lines > 0) {
        log_.event(log::Level::warning, "api", "{}: skipped {} malformed lines of a report",
                   instance.name, parsed.bad_lines);
    }
    const Outcome<void> noted = Observations(database_).note(instance.id, parsed.report);
    if (noted) {
        return reply.send(nothing_changed());
    }
    if (noted.error().kind == FailureKind::missing) {
        return reply.send(unknown_certificate());
    }
    if (noted.error().kind != FailureKind::busy) {
        log_.event(log::Level::error, "api", "{}: a report wasn't stored: {}", instance.name,
                   noted.error().text);
    }
    reply.send(try_later("The report wasn't stored; send it again."));
}

server::SimpleResponse GatewayApi::document(const Instance& instance,
                                            std::optional<std::int64_t> since, bool gzip) {
    Outcome<FeedSnapshot> snapshot = FeedSnapshot::open(database_.path(), instance.id, since);
    if (!snapshot) {
        if (snapshot.error().kind == FailureKind::missing) {
            return cursor_too_old();
        }
        log_.event(log::Level::error, "api", "{}: {}", instance.name, snapshot.error().text);
        return try_later("The database can't be read.");
    }
    const std::int64_t count = snapshot->count();
    const std::string cursor = print_cursor(instance.feed_id, snapshot->last_change());
    std::unique_ptr<server::BodySource> body = std::make_unique<FeedDocument>(
        *std::move(snapshot), feed_head(cursor, !since.has_value(), count));
    SimpleResponse response{
        200, {{"Content-Type", "application/x-ndjson"}, {"Vary", "Accept-Encoding"}}, {}, nullptr};
    if (gzip) {
        body = std::make_unique<GzipBody>(std::move(body));
        response.fields.emplace_back("Content-Encoding", "gzip");
    }
    if (count <= kSmallCount) {
        if (!read_whole(*body, response.body)) {
            return try_later("The database can't be read.");
        }
        return response;
    }
    if (*streams_ >= kMostStreams) {
        return try_later("Too many long answers are under way.");
    }
    log_.event(log::Level::info, "api", "{}: sending {} devices", instance.name, count);
    response.source = std::make_unique<CountedBody>(std::move(body), streams_);
    return response;
}

void GatewayApi::hold(Held held, std::chrono::seconds wait) {
    if (wait.count() == 0) {
        return held.reply.send(nothing_changed());
    }
    if (held_.size() >= kMostHeld) {
        return held.reply.send(try_later("Too many requests are waiting."));
    }
    held.reply.send_later(wait, nothing_changed);
    held_.push_back(std::move(held));
}

void GatewayApi::answer_held(Held& held) {
    const auto instance = Instances(database_).find_by_certificate(held.certificate_hash);
    if (!instance) {
        return held.reply.send(try_later("The database can't be read."));
    }
    // The certificate may have gone to nobody, or to another instance, since the request came.
    if (!*instance || (*instance)->id != held.instance) {
        return held.reply.send(unknown_certificate());
    }
    held.reply.send(document(**instance, held.since, held.gzip));
}

void GatewayApi::poll() {
    std::erase_if(held_, [](const Held& held) { return !held.reply.alive(); });
    if (held_.empty()) {
        return;
    }
    const auto marks = Instances(database_).changes();
    if (!marks) {
        log_.event(log::Level::error, "api", "{}", marks.error().text);
        return;
    }
    const auto waits_on = [&](const Held& held) {
        return std::ranges::any_of(*marks, [&](const ChangeMark& mark) {
            return mark.instance_id == held.instance && mark.last_change == held.since;
        });
    };
    const auto due = std::partition(held_.begin(), held_.end(), waits_on);
    std::vector<Held> woken(std::make_move_iterator(due), std::make_move_iterator(held_.end()));
    held_.erase(due, held_.end());
    for (Held& held : woken) {
        answer_held(held);
    }
}

void GatewayApi::release() {
    std::vector<Held> all = std::exchange(held_, {});
    for (Held& held : all) {
        held.reply.send(nothing_changed());
    }
}

}  // namespace eg::mdm
