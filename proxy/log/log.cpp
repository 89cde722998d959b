#include "proxy/log/log.h"

#include <utility>

#include "proxy/log/writer.h"

namespace eg::log {
namespace {

// The C library gives memory of 64 KiB and more back to the system once it is free, and to take
// fresh pages for the next batch costs more than to write it.
constexpr std::size_t kBatchBytes = std::size_t{32} * 1024;

}  // namespace

Log::Log(Settings settings) : writer_(std::make_unique<Writer>(std::move(settings))) {}

Log::~Log() = default;

void Log::change(Settings settings) {
    writer_->change(std::move(settings));
}

void Log::reopen() {
    writer_->reopen();
}

bool Log::enabled(Level level) const {
    return level >= writer_->level();
}

const Counts& Log::counts() const {
    return writer_->counts();
}

void Log::submit(std::string& lines, std::size_t count) {
    writer_->submit(lines, count);
}

Format Log::format() const {
    return writer_->format();
}

std::string Log::node() const {
    return writer_->node();
}

unsigned Log::generation() const {
    return writer_->generation();
}

void Log::write_event(Level level, std::string_view area, const std::string& message) {
    writer_->event(level, area, message);
}

void LogSink::access(const AccessRecord& record) {
    if (const unsigned generation = log_.generation(); generation != generation_) {
        generation_ = generation;
        node_ = log_.node();
        format_ = log_.format();
    }
    append_access_line(batch_, record, node_, format_);
    ++count_;
    if (batch_.size() >= kBatchBytes) {
        flush();
    }
}

void LogSink::flush() {
    if (count_ > 0) {
        log_.submit(batch_, std::exchange(count_, 0));
    }
}

}  // namespace eg::log
