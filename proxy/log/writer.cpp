#include "proxy/log/writer.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/log/daily_file.h"
#include "proxy/log/escape.h"
#include "proxy/log/rate_limit.h"
#include "proxy/log/stamp.h"

namespace eg::log {
namespace {

constexpr std::chrono::seconds kRetry{1};       // between two tries while the disk refuses
constexpr std::chrono::seconds kLastEffort{2};  // for the rest of the queue at the end
constexpr std::string_view kJsonStart = R"({"time":")";
constexpr std::string_view kOwnArea = "log";

struct Batch {
    std::string lines;
    std::size_t count = 0;
};

std::string_view level_word(Level level) {
    constexpr std::array<std::string_view, 4> kWords = {"debug", "info", "warning", "error"};
    return kWords.at(static_cast<std::size_t>(level));
}

/// The date with which a line of either format begins.
std::string_view date_of(std::string_view line) {
    if (line.starts_with(kJsonStart)) {
        line.remove_prefix(kJsonStart.size());
    }
    return line.substr(0, kDateLength);
}

std::string_view last_line(std::string_view lines) {
    lines.remove_suffix(1);
    const std::size_t end = lines.rfind('\n');
    return end == std::string_view::npos ? lines : lines.substr(end + 1);
}

/// How many bytes from the start belong to one day. Nearly always all of them.
std::size_t one_day(std::string_view lines) {
    const std::string_view date = date_of(lines);
    if (date_of(last_line(lines)) == date) {
        return lines.size();
    }
    std::size_t end = 0;
    while (end < lines.size() && date_of(lines.substr(end)) == date) {
        end = lines.find('\n', end) + 1;
    }
    return end;
}

std::size_t count_lines(std::string_view bytes) {
    return static_cast<std::size_t>(std::ranges::count(bytes, '\n'));
}

/// The part of the thread that meets the disk. Counts what it writes and what it can't.
class Output {
  public:
    explicit Output(Counts& counts) : counts_(counts) {}

    void set_place(const Settings& settings) {
        file_.set_place(settings.directory, settings.file_name);
    }
    void reopen() { file_.close(); }

    /// Whether the disk took them all. What it didn't take is lost.
    bool write(const std::vector<Batch>& batches) {
        bool whole = true;
        for (const Batch& batch : batches) {
            if (whole) {
                whole = write_batch(batch);
            } else {
                lose(batch.count);
            }
        }
        return whole;
    }
    void lose(std::uint64_t lines) {
        counts_.lost.fetch_add(lines, std::memory_order_relaxed);
        untold_ += lines;
    }
    /// Puts into the log itself how many lines are missing, once it can be written again.
    void tell_lost(const Settings& settings) {
        if (untold_ == 0) {
            return;
        }
        const std::string message =
            fmt::format("{} lines were lost: {}", untold_,
                        error_ == 0 ? "more came than could be written" : std::strerror(error_));
        Batch batch{.lines = {}, .count = 1};
        append_event_line(batch.lines, std::chrono::system_clock::now(), Level::warning,
                          settings.node, kOwnArea, message, settings.format);
        if (write_batch(batch)) {
            untold_ = 0;
            error_ = 0;
        }
    }

  private:
    bool write_batch(const Batch& batch) {
        std::string_view rest = batch.lines;
        std::size_t done = 0;
        while (!rest.empty()) {
            const std::string_view run = rest.substr(0, one_day(rest));
            const DailyFile::Written written = file_.write(date_of(run), run);
            done += count_lines(run.substr(0, written.bytes));
            if (written.error != 0) {
                fail(written.error);
                break;
            }
            rest.remove_prefix(run.size());
        }
        counts_.lines.fetch_add(done, std::memory_order_relaxed);
        if (!rest.empty()) {
            lose(batch.count - std::min(done, batch.count));
        }
        return rest.empty();
    }
    void fail(int error) {
        counts_.write_errors.fetch_add(1, std::memory_order_relaxed);
        if (error_ == 0) {  // once an outage, where a service manager keeps it
            fmt::print(stderr, "easgate: the log can't be written, lines are lost: {}: {}\n",
                       file_.path(), std::strerror(error));
        }
        error_ = error;
    }

    Counts& counts_;
    DailyFile file_;
    std::uint64_t untold_ = 0;
    int error_ = 0;  // of the outage that goes on, or whose losses are not yet told
};

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
        append_event_line(line, std::chrono::system_clock::now(), of, settings.node, area, message,
                          settings.format);
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

void append_event_line(std::string& out, WallTime when, Level level, std::string_view node,
                       std::string_view area, std::string_view message, Format format) {
    if (format == Format::json) {
        out.append(kJsonStart);
        append_stamp(out, when);
        out.append(R"(","kind":"event","level":")").append(level_word(level));
        out.append(R"(","node":)");
        append_json_string(out, node);
        out.append(R"(,"area":)");
        append_json_string(out, area);
        out.append(R"(,"message":)");
        append_json_rest(out, message);
        out.append("}\n");
        return;
    }
    append_stamp(out, when);
    out.append(" ").append(level_word(level)).append(" ");
    append_word(out, node);
    out.append(" ");
    append_word(out, area);
    out.append(" ");
    append_rest(out, message);
    out.append("\n");
}

}  // namespace eg::log
