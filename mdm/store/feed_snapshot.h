/// What one gate is told in one answer: the devices of an instance, or what changed of them, all as
/// they stood at one moment, however long the reading takes and whoever writes meanwhile.
///
/// Has a database connection of its own with an open reading transaction, so it should not live
/// long.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mdm/store/failure.h"
#include "proxy/device/record.h"

namespace eg::mdm {

class FeedSnapshot {
  public:
    /// `since`: what changed after that number; nothing: every device. Fails with `missing` if the
    /// instance is gone or if it has forgotten changes after `since`.
    [[nodiscard]] static Outcome<FeedSnapshot> open(const std::string& path, std::int64_t instance,
                                                    std::optional<std::int64_t> since);
    FeedSnapshot(FeedSnapshot&&) noexcept;
    FeedSnapshot& operator=(FeedSnapshot&&) noexcept;
    ~FeedSnapshot();

    /// How many records next() will give in all.
    [[nodiscard]] std::int64_t count() const { return count_; }
    /// The number to ask from the next time.
    [[nodiscard]] std::int64_t last_change() const { return last_change_; }

    /// At most `most` further records in the order of their changes; empty at the end. Removed
    /// devices are among them only if there was a `since`.
    [[nodiscard]] Outcome<std::vector<device::Record>> next(std::int64_t most);

  private:
    struct Reader;
    explicit FeedSnapshot(std::unique_ptr<Reader> reader);
    std::unique_ptr<Reader> reader_;
    std::int64_t instance_ = 0;
    std::int64_t position_ = 0;
    bool full_ = false;
    std::int64_t count_ = 0;
    std::int64_t last_change_ = 0;
};

}  // namespace eg::mdm
