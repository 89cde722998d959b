#include "proxy/device/file.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace eg::device {

namespace {

/// Deltas are appended until they make up this share of the file, or this many bytes.
constexpr std::uint64_t kDeltaShare = 2;
constexpr std::uint64_t kDeltaFree = 1024 * 1024;

/// What is read at once.
constexpr std::size_t kReadBytes = 256 * 1024;

format::BlockHead head_of(const DeviceTable& table, const Contact& contact) {
    format::BlockHead head;
    head.policy = table.policy();
    head.cursor_bytes = static_cast<std::uint16_t>(table.cursor().size());
    head.contact = contact;
    return head;
}

std::string lock_path(const std::string& path) {
    return path + ".lock";
}

/// The contact record, if there is one.
Result<std::optional<format::ContactRecord>> read_contact_of(const std::string& path) {
    const Result<std::vector<unsigned char>> bytes =
        disk::read_small(path + ".contact", format::kContactBytes + 1);
    if (!bytes) {
        if (bytes.error().sys_errno == ENOENT) {
            return std::nullopt;
        }
        return std::unexpected(bytes.error());
    }
    auto record = format::read_contact(*bytes);
    if (!record) {
        return fail(ErrorCode::malformed, Side::self, "the contact record is damaged");
    }
    return record;
}

/// A later contact that confirmed exactly these states.
Result<void> apply_contact(std::optional<format::ContactRecord> record, StoredStates& states) {
    if (!record) {
        return {};
    }
    // Highest wall times rise from one block or record to the next that is written.
    const bool newer = record->contact.highest_wall_ms > states.contact.highest_wall_ms;
    if (record->states == states.sum) {
        record->contact.highest_wall_ms =
            std::max(record->contact.highest_wall_ms, states.contact.highest_wall_ms);
        states.contact = record->contact;
    } else if (newer) {
        return fail(ErrorCode::malformed, Side::self,
                    "the file is older than the contact record: it was cut or replaced");
    }
    return {};
}

}  // namespace

std::string state_path(const std::string& state_file, const std::string& name) {
    return state_file + "." + name;
}

Result<std::optional<StoredStates>> read_states(const std::string& state_file,
                                                const std::string& name) {
    const std::string path = state_path(state_file, name);
    // Before the states: a node that is saving writes the record after the states that it confirms,
    // so what is read now can't be newer than what is read then.
    const auto contact = read_contact_of(path);
    const Result<disk::Descriptor> file = disk::open_to_read(path);
    if (!file) {
        if (file.error().sys_errno == ENOENT) {
            return std::nullopt;
        }
        return std::unexpected(file.error());
    }
    StateReader reader(name);
    std::vector<unsigned char> buffer(kReadBytes);
    for (;;) {
        const Result<std::size_t> got = disk::read_some(*file, buffer);
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got == 0) {
            break;
        }
        if (const auto taken = reader.push(std::span(buffer).first(*got)); !taken) {
            return std::unexpected(taken.error());
        }
    }
    Result<StoredStates> states = reader.finish();
    if (!states) {
        return std::unexpected(states.error());
    }
    if (!contact) {
        return std::unexpected(contact.error());
    }
    if (const auto applied = apply_contact(*contact, *states); !applied) {
        return std::unexpected(applied.error());
    }
    return std::optional(std::move(*states));
}

StateFile::StateFile(const std::string& state_file, std::string name)
    : path_(state_path(state_file, name)), name_(std::move(name)) {}

bool in_use(const std::string& state_file, const std::string& name) {
    const auto lock = disk::lock(lock_path(state_path(state_file, name)));
    return !lock && lock.error().code == ErrorCode::unavailable;
}

Result<void> StateFile::hold() {
    if (!lock_.is_open()) {
        auto lock = disk::lock(lock_path(path_));
        if (lock) {
            lock_ = std::move(*lock);
        } else if (lock.error().code == ErrorCode::unavailable) {
            return std::unexpected(lock.error());
        }
        // Whatever else is wrong with the folder, reading and writing the states will tell.
    }
    return {};
}

Result<std::optional<StoredStates>> StateFile::load() {
    if (const auto held = hold(); !held) {
        return std::unexpected(held.error());
    }
    const std::string state_file = path_.substr(0, path_.size() - name_.size() - 1);
    Result<std::optional<StoredStates>> loaded = read_states(state_file, name_);
    in_step_ = false;
    append_to_ = disk::Descriptor();
    if (loaded && *loaded) {
        const StoredStates& states = **loaded;
        sum_ = states.sum;
        whole_bytes_ = states.whole_bytes;
        delta_bytes_ = states.delta_bytes;
        // Nothing is appended behind what is torn: then the next save replaces the file.
        in_step_ = !states.torn;
    }
    return loaded;
}

Result<void> StateFile::save(const DeviceTable& table, const std::optional<Delta>& delta,
                             const Contact& contact, const std::stop_token& give_up) {
    if (const auto held = hold(); !held) {
        in_step_ = false;
        return held;
    }
    const bool appending =
        in_step_ && delta &&
        delta_bytes_ + delta->packed.size() <= whole_bytes_ / kDeltaShare + kDeltaFree;
    in_step_ = false;
    Result<void> saved =
        appending ? append(table, *delta, contact) : write_whole(table, contact, give_up);
    in_step_ = saved.has_value();
    return saved;
}

Result<void> StateFile::write_whole(const DeviceTable& table, const Contact& contact,
                                    const std::stop_token& give_up) {
    format::BlockHead head = head_of(table, contact);
    head.body_bytes = head.cursor_bytes;
    table.for_each([&head](const RecordView& record) {
        head.body_bytes += record.packed().size();
        ++head.records;
    });
    append_to_ = disk::Descriptor();
    Result<disk::Replacement> file = disk::Replacement::begin(path_);
    if (!file) {
        return std::unexpected(file.error());
    }
    const std::vector<unsigned char> bytes = format::write_head(head, format::seed(name_));
    Digest digest;
    digest.add(std::span(bytes).last(format::kSumBytes));
    file->write(bytes);
    const auto add = [&](std::span<const unsigned char> part) {
        digest.add(part);
        file->write(part);
    };
    add(format::as_bytes(table.cursor()));
    table.for_each([&](const RecordView& record) {
        if (!give_up.stop_requested()) {
            add(record.packed());
        }
    });
    if (give_up.stop_requested()) {
        return fail(ErrorCode::unavailable, Side::self, "given up: no time is left");
    }
    const Sum sum = digest.finish();
    file->write(sum);
    if (const auto done = file->commit(); !done) {
        return std::unexpected(done.error());
    }
    sum_ = sum;
    whole_bytes_ = format::kHeadBytes + 2 * format::kSumBytes + head.body_bytes;
    delta_bytes_ = 0;
    return {};
}

Result<void> StateFile::append(const DeviceTable& table, const Delta& delta,
                               const Contact& contact) {
    if (!append_to_.is_open()) {
        Result<disk::Descriptor> file = disk::open_to_append(path_, whole_bytes_ + delta_bytes_);
        if (!file) {
            return std::unexpected(file.error());
        }
        append_to_ = std::move(*file);
    }
    format::BlockHead head = head_of(table, contact);
    head.kind = format::BlockKind::delta;
    head.body_bytes = head.cursor_bytes + delta.packed.size();
    head.records = delta.records;
    std::vector<unsigned char> block = format::write_head(head, sum_);
    const auto cursor = format::as_bytes(table.cursor());
    block.insert(block.end(), cursor.begin(), cursor.end());
    block.insert(block.end(), delta.packed.begin(), delta.packed.end());
    Digest digest;
    digest.add(std::span(block).subspan(format::kHeadBytes));
    const Sum sum = digest.finish();
    block.insert(block.end(), sum.begin(), sum.end());
    if (const auto written = disk::append(append_to_, block); !written) {
        append_to_ = disk::Descriptor();  // what got there is torn; the next save replaces the file
        return written;
    }
    sum_ = sum;
    delta_bytes_ += block.size();
    return {};
}

Result<void> StateFile::confirm(const Contact& contact) {
    Result<disk::Replacement> file = disk::Replacement::begin(path_ + ".contact");
    if (!file) {
        return std::unexpected(file.error());
    }
    file->write(format::write_contact({sum_, contact}));
    return file->commit();
}

}  // namespace eg::device
