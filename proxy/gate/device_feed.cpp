#include "proxy/gate/device_feed.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include <fmt/format.h>

#include "proxy/device/feed_document.h"
#include "proxy/gate/feed_clock.h"
#include "proxy/gate/feed_http.h"
#include "proxy/gate/feed_pace.h"
#include "proxy/gate/feed_report.h"
#include "proxy/gate/feed_states.h"

namespace eg::gate {

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kDevices = "/api/gateway/v1/devices";
constexpr std::string_view kObservations = "/api/gateway/v1/observations";

/// The longest sleep of the thread: the expiry is put right so soon after a suspend.
constexpr Milliseconds kLongestSleep{1000};
constexpr std::chrono::seconds kReportTimeout{60};

/// What the poll that is under way has brought so far.
struct Poll {
    bool with_cursor = false;
    MonotonicTime started;
    std::optional<device::Moment> heard;  // when the answer began
    device::FeedParser parser;
    std::optional<Error> error;  // of the parser
};

std::string meaning_of(long status) {
    if (status == 401) {
        return "the MDM server doesn't know our identity certificate (status 401)";
    }
    return fmt::format("the MDM server answered with status {}", status);
}

}  // namespace

struct DeviceFeed::Inner {
    Inner(Settings given, log::Log& log_to, std::function<void(StatesUpdate)> publish, Tuning tuned)
        : log(log_to),
          tuning(std::move(tuned)),
          settings(std::move(given)),
          states(settings.instance, settings.mdm, log, std::move(publish), tuning.clock),
          report({.interval = tuning.report_interval, .gather = tuning.report_gather}) {
        states.index_users(settings.user_key);
    }

    void run();
    void take_new_settings();
    void warn_of_settings();

    void start_poll();
    void poll_ended(const HttpOutcome& outcome);
    [[nodiscard]] std::string take_answer(const HttpOutcome& outcome);
    void contact_made(MonotonicTime now, bool changed);
    void contact_failed(const std::string& why, MonotonicTime now);

    /// How long to wait after so many failures in a row.
    [[nodiscard]] Milliseconds pause(unsigned times);

    void start_report();
    [[nodiscard]] Milliseconds time_to_sleep() const;
    [[nodiscard]] MdmAccess access() const;
    [[nodiscard]] const std::string& server() const { return settings.mdm.urls[server_index]; }

    log::Log& log;
    const Tuning tuning;
    Settings settings;  // of the thread
    FeedStates states;
    FeedReport report;
    HttpLoop loop;
    HttpTransfer poll_transfer{loop};
    HttpTransfer report_transfer{loop};
    std::thread thread;
    std::atomic<bool> stopping{false};

    Poll poll;
    MonotonicTime next_poll;
    std::size_t server_index = 0;
    std::size_t servers_failed = 0;  // in this round
    unsigned rounds_failed = 0;      // in a row
    unsigned cursors_refused = 0;    // in a row, without a change or a 204 between them
    bool ask_for_everything = false;
    std::mt19937 dice{std::random_device{}()};

    mutable std::mutex mutex;  // over the next two
    FeedStatus status;
    std::optional<Settings> new_settings;
};

void DeviceFeed::Inner::run() {
    next_poll = SteadyClock::now();
    states.start();
    while (!stopping.load()) {
        take_new_settings();
        const MonotonicTime now = SteadyClock::now();
        if (!poll_transfer.running() && now >= next_poll && !settings.mdm.urls.empty()) {
            start_poll();
        }
        report.gather();
        const auto due = report.due();
        if (!report_transfer.running() && due && now >= *due && !settings.mdm.urls.empty()) {
            start_report();
        }
        loop.turn();
        states.tend();
        loop.wait(time_to_sleep());
    }
    poll_transfer.cancel();
    report_transfer.cancel();
    states.settle();
}

Milliseconds DeviceFeed::Inner::time_to_sleep() const {
    const MonotonicTime now = SteadyClock::now();
    MonotonicTime until = now + kLongestSleep;
    if (!poll_transfer.running()) {
        until = std::min(until, next_poll);
    }
    if (const auto due = report.due(); due && !report_transfer.running()) {
        until = std::min(until, *due);
    }
    // Rounded up: waking a moment early would only mean sleeping again.
    return std::max(std::chrono::ceil<Milliseconds>(until - now), Milliseconds(0));
}

void DeviceFeed::Inner::take_new_settings() {
    std::optional<Settings> taken;
    {
        const std::lock_guard lock(mutex);
        taken.swap(new_settings);
    }
    if (!taken) {
        return;
    }
    poll_transfer.cancel();
    poll_transfer.renew_connection();
    report_transfer.renew_connection();
    // Another server, or another identity, doesn't know our cursor.
    ask_for_everything = ask_for_everything || taken->mdm.urls != settings.mdm.urls ||
                         taken->certificate_file != settings.certificate_file;
    settings = std::move(*taken);
    states.change(settings.mdm);
    states.index_users(settings.user_key);
    server_index = 0;
    servers_failed = 0;
    rounds_failed = 0;
    next_poll = SteadyClock::now();
    warn_of_settings();
}

void DeviceFeed::Inner::warn_of_settings() {
    if (settings.mdm.allow_all_certificates) {
        log.event(log::Level::warning, "feed",
                  "{}: mdm.allow_all_certificates is on: ANYBODY on the way to the MDM server can "
                  "decide which devices get mail",
                  settings.instance);
    }
}

MdmAccess DeviceFeed::Inner::access() const {
    return {.certificate_file = settings.certificate_file,
            .private_key_file = settings.private_key_file,
            .ca_file = settings.mdm.ca_file,
            .allow_all_certificates = settings.mdm.allow_all_certificates,
            .plain_http = tuning.plain_http};
}

void DeviceFeed::Inner::start_poll() {
    const Milliseconds lifetime = settings.mdm.state_lifetime;
    const auto cursor = ask_for_everything ? std::nullopt : states.cursor();
    poll = Poll();
    poll.with_cursor = cursor.has_value();
    poll.started = SteadyClock::now();
    // States that are already old (a full list took long) are confirmed at once, not held.
    const auto age = states.age();
    const bool hold = poll.with_cursor && age && *age <= lifetime / 3;
    const std::chrono::seconds wait = hold ? poll_wait(lifetime) : std::chrono::seconds(0);

    HttpRequest request;
    request.url = fmt::format("{}{}?", server(), kDevices);
    if (poll.with_cursor) {
        request.url += fmt::format("since={}&", url_encode(*cursor));
    }
    request.url += fmt::format("wait={}", wait.count());
    request.connect = patience(lifetime);
    request.silence = wait + patience(lifetime);
    request.on_head = [this] { poll.heard = tuning.clock(); };
    request.on_body = [this](std::string_view bytes) {
        if (const auto taken = poll.parser.push(bytes); !taken) {
            poll.error = taken.error();
        }
        return !poll.error && !stopping.load();
    };
    poll_transfer.start(access(), std::move(request),
                        [this](const HttpOutcome& outcome) { poll_ended(outcome); });
}

void DeviceFeed::Inner::poll_ended(const HttpOutcome& outcome) {
    if (stopping.load()) {
        return;
    }
    const MonotonicTime now = SteadyClock::now();
    if (outcome.error.empty() && outcome.status == 410 && poll.with_cursor) {
        log.event(log::Level::info, "feed", "{}: the cursor is too old, asking for everything",
                  settings.instance);
        ask_for_everything = true;
        next_poll = now;
        if (++cursors_refused >
            1) {  // also the one that came with a full list: no tight loop of those
            next_poll += pause(cursors_refused - 1);
        }
        return;
    }
    const std::string why = take_answer(outcome);
    if (!why.empty()) {
        contact_failed(why, now);
    }
}

/// Returns why the answer is no contact, or "".
std::string DeviceFeed::Inner::take_answer(const HttpOutcome& outcome) {
    if (poll.error) {
        return fmt::format("the response is discarded at line {}: {}", poll.parser.lines(),
                           describe(*poll.error));
    }
    if (!outcome.error.empty()) {
        return outcome.error;
    }
    const MonotonicTime now = SteadyClock::now();
    const device::Moment heard = poll.heard.value_or(tuning.clock());
    if (outcome.status == 204 && poll.with_cursor) {
        cursors_refused = 0;
        states.confirm(heard);
        contact_made(now, false);
        return {};
    }
    if (outcome.status != 200) {
        return meaning_of(outcome.status);
    }
    auto document = poll.parser.finish();
    if (!document) {
        return fmt::format("the response is discarded: {}", describe(document.error()));
    }
    const bool full = document->full;
    const std::size_t lines = document->records.added();
    if (const auto taken = states.accept(std::move(*document), poll.with_cursor, heard); !taken) {
        return fmt::format("the response is discarded: {}", describe(taken.error()));
    }
    if (poll.with_cursor) {
        cursors_refused = 0;
    }
    if (full) {
        ask_for_everything = false;
        const std::lock_guard lock(mutex);
        ++status.full_syncs;
    }
    log.event(full ? log::Level::info : log::Level::debug, "feed", "{}: {} {} from {}",
              settings.instance, lines, full ? "devices" : "changes", server());
    contact_made(now, lines > 0);
    return {};
}

void DeviceFeed::Inner::contact_made(MonotonicTime now, bool changed) {
    const Milliseconds spacing = poll_spacing(settings.mdm.state_lifetime);
    const bool hold = poll_wait(settings.mdm.state_lifetime).count() > 0;
    // Changes may come one on the other; a server that answers at once that there are none is not
    // asked in a tight loop.
    next_poll = changed && hold ? now : std::max(now, poll.started + spacing);
    servers_failed = 0;
    rounds_failed = 0;
    const std::lock_guard lock(mutex);
    if (!status.last_error.empty()) {
        log.event(log::Level::info, "feed", "{}: in contact with {}", settings.instance, server());
    }
    ++status.attempts_ok;
    status.last_error.clear();
    status.server = server();
}

Milliseconds DeviceFeed::Inner::pause(unsigned times) {
    const double die = std::uniform_real_distribution<double>(0.0, 1.0)(dice);
    return back_off(times, die, tuning.back_off_first, tuning.back_off_most);
}

void DeviceFeed::Inner::contact_failed(const std::string& why, MonotonicTime now) {
    log.event(log::Level::warning, "feed", "{}: no contact with {}: {}", settings.instance,
              server(), why);
    {
        const std::lock_guard lock(mutex);
        ++status.attempts_failed;
        status.last_error = why;
        status.server = server();
    }
    server_index = (server_index + 1) % settings.mdm.urls.size();
    ++servers_failed;
    next_poll = now;
    if (servers_failed >= settings.mdm.urls.size()) {
        servers_failed = 0;
        ++rounds_failed;
        next_poll += pause(rounds_failed);
    }
}

void DeviceFeed::Inner::start_report() {
    const auto table = states.table();
    const NodeFacts facts{.node = settings.node,
                          .instance = settings.instance,
                          .devices = table == nullptr ? 0 : table->size()};
    HttpRequest request;
    request.url = fmt::format("{}{}", server(), kObservations);
    request.post = true;
    request.body = report.begin(facts, SteadyClock::now(), WallTime::clock::now());
    request.total = kReportTimeout;
    request.silence = kReportTimeout;
    report_transfer.start(access(), std::move(request), [this](const HttpOutcome& outcome) {
        const bool accepted =
            outcome.error.empty() && outcome.status >= 200 && outcome.status < 300;
        report.ended(accepted);
        if (!accepted) {
            log.event(log::Level::warning, "feed", "{}: observations were not taken: {}",
                      settings.instance,
                      outcome.error.empty() ? meaning_of(outcome.status) : outcome.error);
        }
    });
}

DeviceFeed::DeviceFeed(Settings settings, log::Log& log, std::function<void(StatesUpdate)> publish)
    : DeviceFeed(std::move(settings), log, std::move(publish), Tuning()) {}

DeviceFeed::DeviceFeed(Settings settings, log::Log& log, std::function<void(StatesUpdate)> publish,
                       Tuning tuning) {
    if (!tuning.clock) {
        tuning.clock = read_clocks;
    }
    inner_ =
        std::make_unique<Inner>(std::move(settings), log, std::move(publish), std::move(tuning));
}

DeviceFeed::~DeviceFeed() {
    stop();
}

void DeviceFeed::load() {
    inner_->states.load();
}

void DeviceFeed::start() {
    inner_->warn_of_settings();
    inner_->stopping = false;
    inner_->thread = std::thread([this] { inner_->run(); });
}

void DeviceFeed::stop() {
    inner_->stopping = true;
    inner_->loop.wake();
    if (inner_->thread.joinable()) {
        inner_->thread.join();
    }
}

std::shared_ptr<const ContactClock> DeviceFeed::contact() const {
    return inner_->states.contact();
}

FeedStatus DeviceFeed::status() const {
    FeedStatus status;
    {
        const std::lock_guard lock(inner_->mutex);
        status = inner_->status;
    }
    const auto table = inner_->states.table();
    const auto age = inner_->states.age();
    status.has_states = table != nullptr && age.has_value();
    status.age = age.value_or(Milliseconds(0));
    status.devices = table == nullptr ? 0 : table->size();
    status.observations_sent = inner_->report.sent();
    status.observations_dropped = inner_->report.dropped();
    return status;
}

std::shared_ptr<const device::DeviceTable> DeviceFeed::table() const {
    return inner_->states.table();
}

void DeviceFeed::observe(device::SightingTable& seen) {
    if (inner_->report.observe(seen, SteadyClock::now())) {
        inner_->loop.wake();
    }
}

void DeviceFeed::change(Settings settings) {
    {
        const std::lock_guard lock(inner_->mutex);
        inner_->new_settings = std::move(settings);
    }
    inner_->loop.wake();
}

}  // namespace eg::gate
