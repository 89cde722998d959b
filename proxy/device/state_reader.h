/// Reads the bytes of a state file, in whatever pieces they come (state_format.h). No I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/device/state_format.h"

namespace eg::device {

/// What a state file holds.
struct StoredStates {
    std::shared_ptr<const DeviceTable> table;
    Contact contact;
    Sum sum{};                      // of the last whole block
    std::uint64_t whole_bytes = 0;  // length of the first block
    std::uint64_t delta_bytes = 0;  // of the later ones
    bool torn = false;              // behind them lies the beginning of a block that ends nowhere
};

class StateReader {
  public:
    /// `name` of the identity whose states these must be.
    explicit StateReader(std::string_view name) : before_(format::seed(name)) {}

    /// Takes the next bytes. After an error the file is damaged as a whole: ask no further.
    [[nodiscard]] Result<void> push(std::span<const unsigned char> bytes);
    /// At the end of the file: malformed if there is no whole block, or something that isn't the
    /// beginning of one behind the last.
    [[nodiscard]] Result<StoredStates> finish();

  private:
    enum class Expect : unsigned char { head, body, sum };

    [[nodiscard]] Result<bool> step(std::span<const unsigned char>& rest);
    [[nodiscard]] Result<void> begin_block(std::span<const unsigned char> head);
    [[nodiscard]] Result<std::size_t> take_body(std::span<const unsigned char> bytes);
    [[nodiscard]] Result<void> end_block(std::span<const unsigned char> sum);

    Expect expect_ = Expect::head;
    Sum before_;
    format::BlockHead head_;
    std::optional<Digest> digest_;
    std::optional<DeviceTable::Builder> builder_;
    std::optional<std::string> cursor_;
    std::uint64_t body_left_ = 0;
    std::vector<unsigned char> kept_;  // the start of something that isn't whole yet
    StoredStates states_;
};

}  // namespace eg::device
