/// The two files in which the device states of one identity survive a restart.
///
/// `state_file`.NAME is a run of blocks. The first holds a whole table, each later one a delta that
/// was appended; a block is a head, the sum of the head, a body and the sum of the body:
///
///     head    8   kBlockMagic
///             1   kind: 1 whole table, 2 delta
///             1   policy: bit 0 = only_secure_email
///             2   length of the cursor
///             4   zero
///             8   length of the body
///             8   number of records in the body
///             40  the contact at which these states came, as below
///     sum     32  SHA-256 of the sum before and the head
///     body        the cursor, then the records (record_format.h)
///     sum     32  SHA-256 of the sum of the head and the body
///
/// Numbers are little-endian. "The sum before" of the first block is that of kSeed and NAME, so
/// that no file passes for another identity's; that of a later block is the sum of the body before
/// it. Each length stands in a head that has a sum of its own. A whole table replaces the file in
/// one step, a delta is appended by one write and synced: before and after it the file holds the
/// older or the newer states, each with their own contact. A last block of which only the beginning
/// is there, right as far as it goes, is an append that was killed: the states before it count.
/// Whatever else doesn't fit is damage, and then nothing of the file counts. Nor does it if the
/// contact record knows of newer states, for then the file was cut, or an older one put in its
/// place (decisions/0007).
///
/// `state_file`.NAME.contact is replaced at later contacts that changed nothing:
///
///     8   kContactMagic
///     32  the last sum of the states that were confirmed; to other states the contact means
///     nothing 40  the contact: boot id (16), boot time, wall time, highest wall time (8 each,
///     milliseconds) 32  SHA-256 of all this
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/device/contact.h"
#include "proxy/device/digest.h"
#include "proxy/device/table.h"

namespace eg::device::format {

inline constexpr std::string_view kBlockMagic = "EGSTATE1";
inline constexpr std::string_view kContactMagic = "EGCONTA1";
inline constexpr std::string_view kSeed = "easgate device states of ";
inline constexpr std::size_t kHeadBytes = 72;
inline constexpr std::size_t kSumBytes = 32;
inline constexpr std::size_t kContactBytes = 112;
inline constexpr std::size_t kMostCursorBytes = 4096;
inline constexpr std::size_t kMostMarkBytes = 9;  // before it, where the feed wants one

enum class BlockKind : unsigned char { whole = 1, delta = 2 };

struct BlockHead {
    BlockKind kind = BlockKind::whole;
    FeedPolicy policy;
    std::uint16_t cursor_bytes = 0;
    std::uint64_t body_bytes = 0;
    std::uint64_t records = 0;
    Contact contact;
};

/// The sum before the first block of the identity `name`.
[[nodiscard]] Sum seed(std::string_view name);
/// The sum of `bytes` that follow a sum.
[[nodiscard]] Sum chain(const Sum& before, std::span<const unsigned char> bytes);

/// The head's bytes and their sum: kHeadBytes + kSumBytes.
[[nodiscard]] std::vector<unsigned char> write_head(const BlockHead& head, const Sum& before);
/// Nothing if the magic, kind or a length is wrong; sums are the caller's business. Takes
/// kHeadBytes.
[[nodiscard]] std::optional<BlockHead> read_head(std::span<const unsigned char> bytes);

/// A contact file.
struct ContactRecord {
    Sum states{};
    Contact contact;
};
[[nodiscard]] std::vector<unsigned char> write_contact(const ContactRecord& record);
/// Nothing if it is damaged.
[[nodiscard]] std::optional<ContactRecord> read_contact(std::span<const unsigned char> bytes);

[[nodiscard]] inline std::span<const unsigned char> as_bytes(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

}  // namespace eg::device::format
