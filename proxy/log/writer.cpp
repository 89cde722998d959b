#include "proxy/log/writer.h"

#include <pthread.h>

#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/log/event.h"
#include "proxy/log/output.h"
#include "proxy/log/rate_limit.h"

namespace eg::log {
namespace {

constexpr std::chrono::seconds kRetry{1};       // between two tries while the disk refuses
constexpr std::chrono::seconds kLastEffort{2};  // for the rest of the queue at the end

}  // namespace

struct Writer::Shared {
    std::mutex mutex;
    std::condition_variable wake;   // the thread
    std::condition_variable ended;  // the destructor
    std::deque<Batch> queue;
    std::size_t queued_bytes = 0;
    std::uint64_t refused = 0;  // lines for which the queue had no room
    Settings settings;
    RateLimit limit;
    bool place_changed = true;
    bool reopen = false;
    bool stop = false;
    bool done = false;
    Counts counts;
    std::atomic<Level> level{Level::info};
    std::atomic<Format> format{Format::text};
    std::atomic<unsigned> generation{1};

    void queue_lines(std::string lines, std::size_t count) {
        if (queued_bytes + lines.size() > settings.queue_bytes) {
            refused += count;
            return;
        }
        queued_bytes += lines.size();
        queue.push_back({std::move(lines), count});
        wake.notify_one();
    }
    void queue_event(Level of, std::string_view area, std::string_view message) {
        std::string line;
        append_event_line(line,
                          {.when = std::chrono::system_clock::now(),
                           .level = of,
                           .area = area,
                           .message = message},
                          settings.node, settings.format);
        queue_lines(std::move(line), 1);
    }
    void queue_omitted(MonotonicTime now) {
        for (const RateLimit::Omitted& kind : limit.take_omitted(now)) {
            counts.omitted.fetch_add(kind.count, std::memory_order_relaxed);
            queue_event(kind.level, kind.area,
                        fmt::format("{} more messages of this kind were left out", kind.count));
        }
    }
};

Writer::Writer(Settings settings) : shared_(std::make_shared<Shared>()) {
    change(std::move(settings));
    // Signals are for the main thread.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread(&Writer::run, shared_);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Writer::~Writer() {
    std::unique_lock lock(shared_->mutex);
    shared_->stop = true;
    shared_->wake.notify_one();
    const bool done = shared_->ended.wait_for(lock, kLastEffort, [this] { return shared_->done; });
    lock.unlock();
    if (done) {
        thread_.join();
    } else {
        thread_.detach();
    }
}

void Writer::run(const std::shared_ptr<Shared>& shared) {
    Output output(shared->counts);
    std::optional<MonotonicTime> retry_at;  // set while the disk refuses
    std::unique_lock lock(shared->mutex);
    for (;;) {
        const auto due = [&] { return shared->stop || (!retry_at && !shared->queue.empty()); };
        if (retry_at) {
            shared->wake.wait_until(lock, *retry_at, due);
        } else if (shared->limit.any_omitted()) {
            shared->wake.wait_for(lock, std::chrono::seconds{1}, due);
        } else {
            shared->wake.wait(lock, [&] { return due() || shared->limit.any_omitted(); });
        }
        shared->queue_omitted(std::chrono::steady_clock::now());
        const bool last = shared->stop;
        std::vector<Batch> batches(std::make_move_iterator(shared->queue.begin()),
                                   std::make_move_iterator(shared->queue.end()));
        shared->queue.clear();
        shared->queued_bytes = 0;
        const std::uint64_t refused = std::exchange(shared->refused, 0);
        const bool place_changed = std::exchange(shared->place_changed, false);
        const bool reopen = std::exchange(shared->reopen, false);
        const Settings settings = shared->settings;
        lock.unlock();

        if (place_changed) {
            output.set_place(settings);
        } else if (reopen) {
            output.reopen();
        }
        output.lose(refused);
        retry_at.reset();
        if (!output.write(batches)) {
            retry_at = std::chrono::steady_clock::now() + kRetry;
        } else if (!batches.empty()) {
            output.tell_lost(settings);
        }

        lock.lock();
        if (last && (shared->queue.empty() || retry_at)) {
            break;
        }
    }
    shared->done = true;
    shared->ended.notify_one();
}

void Writer::change(Settings settings) {
    const std::scoped_lock lock(shared_->mutex);
    shared_->level.store(settings.level, std::memory_order_relaxed);
    shared_->format.store(settings.format, std::memory_order_relaxed);
    shared_->settings = std::move(settings);
    shared_->place_changed = true;
    shared_->generation.fetch_add(1, std::memory_order_release);
}

void Writer::reopen() {
    const std::scoped_lock lock(shared_->mutex);
    shared_->reopen = true;
}

void Writer::submit(std::string& lines, std::size_t count) {
    {
        const std::scoped_lock lock(shared_->mutex);
        if (!lines.empty()) {
            shared_->queue_lines(std::move(lines), count);
        }
    }
    lines = std::string();
}

void Writer::event(Level level, std::string_view area, std::string_view message) {
    const std::scoped_lock lock(shared_->mutex);
    if (shared_->limit.admit(level, area, std::chrono::steady_clock::now())) {
        shared_->queue_event(level, area, message);
    } else {
        shared_->wake.notify_one();
    }
}

const Counts& Writer::counts() const {
    return shared_->counts;
}

Level Writer::level() const {
    return shared_->level.load(std::memory_order_relaxed);
}

Format Writer::format() const {
    return shared_->format.load(std::memory_order_relaxed);
}

std::string Writer::node() const {
    const std::scoped_lock lock(shared_->mutex);
    return shared_->settings.node;
}

unsigned Writer::generation() const {
    return shared_->generation.load(std::memory_order_acquire);
}

}  // namespace eg::log
