/// Reads a response of the MDM server's feed, in whatever pieces it comes: lines of JSON, the first
/// about the rest (docs/mdm-api.md). No I/O.
///
/// Either all of it counts or nothing: a wrong number of lines, a line that isn't one of ours, or
/// anything over a limit, and the caller keeps the states that it has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/device/table.h"

namespace eg::device {

/// A response that was whole.
struct FeedDocument {
    bool full = false;  // everything there is, not changes
    std::string cursor;
    std::optional<bool> only_secure_email;  // nothing: the key was absent
    DeviceTable::Builder records;

    /// The policy that holds after it: in a delta a key that is absent keeps its value.
    [[nodiscard]] FeedPolicy policy(const FeedPolicy& before) const;
};

class FeedParser {
  public:
    static constexpr std::size_t kMostLineBytes = 64 * 1024;
    static constexpr std::uint64_t kMostBytes = 1024ULL * 1024 * 1024;

    /// Takes the next bytes. After an error ask no further.
    [[nodiscard]] Result<void> push(std::string_view bytes);
    /// At the end of the response; once.
    [[nodiscard]] Result<FeedDocument> finish();

    /// Lines that were read so far; the one that is wrong, for the log.
    [[nodiscard]] std::uint64_t lines() const { return lines_; }

  private:
    [[nodiscard]] Result<void> take_line(std::string_view line);
    [[nodiscard]] Result<void> take_head(std::string_view line);
    [[nodiscard]] Result<void> take_device(std::string_view line);

    FeedDocument document_;
    std::string part_;  // the start of a line
    std::uint64_t bytes_ = 0;
    std::uint64_t lines_ = 0;
    std::uint64_t count_ = 0;              // as the first line says
    std::vector<std::string_view> users_;  // of one line, kept for their memory; likewise
    std::vector<KeyHash> keys_;
};

}  // namespace eg::device
