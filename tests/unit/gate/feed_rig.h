/// A device feed with a folder of its own, and the documents that it is fed with.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proxy/gate/device_feed.h"
#include "proxy/gate/feed_clock.h"

namespace eg::gate {

inline std::string device(std::string_view id, std::string_view state) {
    return fmt::format(R"({{"id":"{}","users":[],"state":"{}"}})"
                       "\n",
                       id, state);
}

inline std::string document(std::string_view cursor, bool full,
                            std::initializer_list<std::string> lines) {
    std::string text = fmt::format(R"({{"cursor":"{}","full":{},"count":{}}})"
                                   "\n",
                                   cursor, full, lines.size());
    for (const std::string& line : lines) {
        text += line;
    }
    return text;
}

/// A feed with a folder of its own and everything that it published.
class Gate {
  public:
    explicit Gate(std::vector<std::string> urls) {
        std::string name =
            (std::filesystem::temp_directory_path() / "easgate-feed-XXXXXX").string();
        folder_ = mkdtemp(name.data());
        settings_.instance = "hq";
        settings_.node = "node-1";
        settings_.mdm.urls = std::move(urls);
        settings_.mdm.state_file = folder_ / "devices.state";
        tuning_.plain_http = true;
        tuning_.back_off_first = Milliseconds(50);
        tuning_.back_off_most = Milliseconds(100);
        tuning_.report_interval = Milliseconds(300);
        tuning_.report_gather = Milliseconds(20);
        tuning_.clock = [this] {
            device::Moment moment = read_clocks();
            moment.boottime_ms += boot_offset_ms.load();
            moment.wall_ms += wall_offset_ms.load();
            return moment;
        };
    }
    ~Gate() {
        feed_.reset();
        std::filesystem::remove_all(folder_);
    }
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    /// A new process, so to say.
    DeviceFeed& restart() {
        feed_.reset();
        forget_updates();
        feed_ = std::make_unique<DeviceFeed>(
            settings_, log_,
            [this](StatesUpdate update) {
                const std::lock_guard lock(mutex_);
                updates_.push_back(std::move(update));
                times_.push_back(std::chrono::steady_clock::now());
                published_.notify_all();
            },
            tuning_);
        feed_->load();
        return *feed_;
    }
    void forget_updates() {
        const std::lock_guard lock(mutex_);
        updates_.clear();
        times_.clear();
    }
    DeviceFeed& start() {
        restart().start();
        return *feed_;
    }
    [[nodiscard]] DeviceFeed& feed() { return *feed_; }
    [[nodiscard]] DeviceFeed::Settings& settings() { return settings_; }
    [[nodiscard]] std::filesystem::path state_file() const { return folder_ / "devices.state.hq"; }

    /// The update number `count`, once it is there.
    StatesUpdate update(std::size_t count,
                        std::chrono::seconds patience = std::chrono::seconds(20)) {
        std::unique_lock lock(mutex_);
        REQUIRE(published_.wait_for(lock, patience, [&] { return updates_.size() >= count; }));
        return updates_[count - 1];
    }
    /// When it was published.
    MonotonicTime update_at(std::size_t count,
                            std::chrono::seconds patience = std::chrono::seconds(20)) {
        (void)update(count, patience);
        const std::lock_guard lock(mutex_);
        return times_[count - 1];
    }
    std::string state_of(std::string_view id) {
        const auto table = feed_->table();
        const auto record = table ? table->find(id) : std::nullopt;
        return record ? std::string(to_string(record->state())) : "-";
    }
    [[nodiscard]] bool fresh() const {
        const auto now = std::chrono::duration_cast<Milliseconds>(
            std::chrono::steady_clock::now().time_since_epoch());
        return now.count() < feed_->contact()->expires_at_ms();
    }

    std::atomic<std::int64_t> boot_offset_ms{0};
    std::atomic<std::int64_t> wall_offset_ms{0};

  private:
    std::filesystem::path folder_;
    log::Log log_{log::Settings{.directory = "",
                                .file_name = "",
                                .node = "test",
                                .level = log::Level::error,
                                .format = log::Format::text}};
    DeviceFeed::Settings settings_;
    DeviceFeed::Tuning tuning_;
    std::mutex mutex_;
    std::condition_variable published_;
    std::vector<StatesUpdate> updates_;
    std::vector<MonotonicTime> times_;
    std::unique_ptr<DeviceFeed> feed_;
};

/// Waits until `what` holds.
template <typename What>
bool eventually(What&& what) {
    for (int i = 0; i < 2000; ++i) {
        if (what()) {
            return true;
        }
        std::this_thread::sleep_for(Milliseconds(10));
    }
    return false;
}

}  // namespace eg::gate
