#include "proxy/log/output.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "proxy/log/event.h"
#include "proxy/log/stamp.h"

namespace eg::log {
namespace {

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
        end = std::min(lines.find('\n', end), lines.size() - 1) + 1;
    }
    return end;
}

std::size_t count_lines(std::string_view bytes) {
    return static_cast<std::size_t>(std::ranges::count(bytes, '\n'));
}

}  // namespace

bool Output::write(const std::vector<Batch>& batches) {
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

void Output::lose(std::uint64_t lines) {
    counts_.lost.fetch_add(lines, std::memory_order_relaxed);
    untold_ += lines;
}

void Output::tell_lost(const Settings& settings) {
    if (untold_ == 0) {
        error_ = 0;
        return;
    }
    const std::string message =
        fmt::format("{} lines were lost: {}", untold_,
                    error_ == 0 ? "more came than could be written" : std::strerror(error_));
    Batch batch{.lines = {}, .count = 1};
    append_event_line(batch.lines,
                      {.when = std::chrono::system_clock::now(),
                       .level = Level::warning,
                       .area = "log",
                       .message = message},
                      settings.node, settings.format);
    if (write_batch(batch)) {
        untold_ = 0;
        error_ = 0;
    }
}

bool Output::write_batch(const Batch& batch) {
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

void Output::fail(int error) {
    counts_.write_errors.fetch_add(1, std::memory_order_relaxed);
    if (error_ == 0) {  // once an outage, where a service manager keeps it
        fmt::print(stderr, "easgate: the log can't be written, lines are lost: {}: {}\n",
                   file_.path(), std::strerror(error));
    }
    error_ = error;
}

}  // namespace eg::log
