/// The slow work of a feed on a thread of its own, so that no change waits for it: keeping the
/// state file in step with the states in force, and merging the large layers of a table.
///
/// One save at a time, and the newest states win: changes that come while a save is under way are
/// joined into one, and a full list takes the place of all that waits. A contact is only written
/// while the file holds the states that it confirmed.
///
/// Thread: all calls are the feed's (load() before start()); none of them waits for the disk but
/// load() and stop(). The store may be the last to hold a table, and then frees it: no worker does.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proxy/device/contact.h"
#include "proxy/device/file.h"
#include "proxy/device/table.h"
#include "proxy/log/log.h"

namespace eg::gate {

class FeedStore {
  public:
    using Table = std::shared_ptr<const device::DeviceTable>;
    using Merge = device::DeviceTable::Merge;

    /// How long stop() lets a save go on before it gives it up.
    static constexpr std::chrono::seconds kStopPatience{10};

    /// Packed records that make a table of the one handed over before.
    struct Delta {
        std::vector<unsigned char> packed;
        std::uint64_t records = 0;
    };

    FeedStore(std::string instance, const std::string& state_file, log::Log& log);
    ~FeedStore();  // stops
    FeedStore(const FeedStore&) = delete;
    FeedStore& operator=(const FeedStore&) = delete;

    /// As StateFile::load().
    [[nodiscard]] Result<std::optional<device::StoredStates>> load();

    void start();
    /// Stores what waits and ends the thread. Within kStopPatience, but for a disk that doesn't
    /// answer at all; what couldn't be stored leaves the older states on disk, and the MDM server
    /// is asked from their cursor at the next start.
    void stop();

    /// Another state file from the next save on, which must follow.
    void move_to(const std::string& state_file);
    /// These states are now in force. `delta`: how they differ from those handed over before;
    /// nothing if they replace them.
    void save(Table table, std::optional<Delta> delta, const device::Contact& contact);
    /// The states handed over last were confirmed.
    void confirm(const device::Contact& contact);

    /// Has layers merged, unless a merge is under way already or has failed lately.
    void merge(Merge merge);
    /// A merge that is done, once.
    [[nodiscard]] std::optional<Merge> take_merged();

  private:
    struct States {
        Table table;
        std::optional<Delta> delta;
        device::Contact contact;
    };
    using Lock = std::unique_lock<std::mutex>;

    void run();
    /// Does one thing that is due, unlocked while it lasts. False if there is none, or none that
    /// can be done before the thread ends.
    [[nodiscard]] bool work(Lock& lock);
    void sleep(Lock& lock);
    [[nodiscard]] bool save_states(Lock& lock);
    [[nodiscard]] bool save_contact(Lock& lock);
    void merge_layers(Lock& lock);
    void failed(std::string_view what, const Error& error);

    const std::string instance_;
    log::Log& log_;
    std::thread thread_;

    std::mutex mutex_;  // over all below but file_ and the last two
    std::condition_variable changed_;
    std::optional<std::string> move_to_;
    std::optional<States> states_;            // that the disk doesn't know
    std::optional<device::Contact> contact_;  // likewise; of the states that it was told last
    std::optional<Merge> merge_wanted_;
    std::optional<Merge> merge_done_;
    bool merging_ = false;  // from merge() to take_merged()
    std::chrono::steady_clock::time_point merge_again_;
    bool stopping_ = false;
    bool ended_ = true;
    std::stop_source no_merge_;  // asked when the thread is to end
    std::stop_source give_up_;   // asked when it didn't end in time

    std::optional<device::StateFile> file_;  // the thread's, while there is one
    std::chrono::steady_clock::time_point try_again_;
    std::chrono::steady_clock::time_point complain_again_;
};

}  // namespace eg::gate
