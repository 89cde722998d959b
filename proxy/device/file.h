/// The state file of one identity on disk (state_format.h): read at start, kept in step afterwards.
///
/// With disk.h the only place of this folder that does I/O. Thread: one at a time; it blocks on the
/// disk. A kill at any moment leaves the states of before or those of after. `state_file`.NAME.lock
/// keeps a second process from writing; readers in other processes (explain) need no lock.
#pragma once

#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "proxy/base/error.h"
#include "proxy/device/disk.h"
#include "proxy/device/state_reader.h"

namespace eg::device {

/// `state_file`.NAME.
[[nodiscard]] std::string state_path(const std::string& state_file, const std::string& name);

/// Reads the states of the identity `name`, with the latest contact that confirmed them. Nothing if
/// there is no file; malformed if it is damaged, and then all of it is, or older than the contact
/// record. An append that was killed is no damage: StoredStates::torn.
[[nodiscard]] Result<std::optional<StoredStates>> read_states(const std::string& state_file,
                                                              const std::string& name);

/// Whether a process holds these files at this moment.
[[nodiscard]] bool in_use(const std::string& state_file, const std::string& name);

class StateFile {
  public:
    StateFile(const std::string& state_file, std::string name);
    StateFile(const StateFile&) = delete;
    StateFile& operator=(const StateFile&) = delete;

    /// As read_states(); what is saved later goes on from there. The files are ours from here on,
    /// or from the first save on, until the object goes; `unavailable` while another process has
    /// them.
    [[nodiscard]] Result<std::optional<StoredStates>> load();

    /// Saves a table. `delta`: the packed records that make it of the table saved before, `records`
    /// of them, or nothing to write it whole. Writes it whole too where that is needed or cheaper.
    /// After an error the disk still holds older states with their older contact, and in_step() is
    /// false until a save succeeds; `give_up` makes an error of a whole table that is not yet on
    /// its way to the disk. Cost: a second for a million devices written whole, else one fdatasync.
    struct Delta {
        std::span<const unsigned char> packed;
        std::uint64_t records = 0;
    };
    [[nodiscard]] Result<void> save(const DeviceTable& table, const std::optional<Delta>& delta,
                                    const Contact& contact, const std::stop_token& give_up = {});
    /// Whether the disk holds the table that was handed to save() last.
    [[nodiscard]] bool in_step() const { return in_step_; }

    /// Writes that the saved table was confirmed. Only while in_step().
    [[nodiscard]] Result<void> confirm(const Contact& contact);

  private:
    [[nodiscard]] Result<void> hold();
    [[nodiscard]] Result<void> write_whole(const DeviceTable& table, const Contact& contact,
                                           const std::stop_token& give_up);
    [[nodiscard]] Result<void> append(const DeviceTable& table, const Delta& delta,
                                      const Contact& contact);

    std::string path_;
    std::string name_;
    disk::Descriptor lock_;
    disk::Descriptor append_to_;  // opened at the first delta
    Sum sum_{};
    std::uint64_t whole_bytes_ = 0;
    std::uint64_t delta_bytes_ = 0;
    bool in_step_ = false;
};

}  // namespace eg::device
