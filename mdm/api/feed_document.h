/// The body of a feed answer: a first line, then a line a device (docs/mdm-api.md), read from the
/// database while it is sent, so that a million devices need no more memory than a few hundred.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "mdm/store/feed_snapshot.h"
#include "proxy/device/record.h"
#include "proxy/server/simple.h"

namespace eg::mdm {

/// `{"cursor":…,"full":…,"count":…,"policy":{…}}` and a line end.
[[nodiscard]] std::string feed_head(std::string_view cursor, bool full, std::int64_t count);
/// `{"id":…,"users":[…],"state":…,"reason":…}` and a line end; `reason` and `keys` only if there
/// are any.
void append_feed_line(std::string& out, const device::Record& record);

class FeedDocument final : public server::BodySource {
  public:
    /// A client that reads more slowly is cut off: an open snapshot makes the database's log grow.
    static constexpr std::chrono::minutes kLongestAnswer{10};

    FeedDocument(FeedSnapshot snapshot, std::string head)
        : snapshot_(std::move(snapshot)), head_(std::move(head)), left_(snapshot_.count()) {}

    bool read(std::string& out, bool& failed) override;

  private:
    FeedSnapshot snapshot_;
    std::string head_;
    std::int64_t left_;  // lines that the first line promised and that aren't out yet
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

}  // namespace eg::mdm
