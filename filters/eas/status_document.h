/// Answers that hold nothing but a status: the root of the command and its Status ([MS-ASCMD]
/// 2.2.2). Pure; no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "filters/eas/command.h"

namespace eg::filters::eas {

class StatusDocument {
  public:
    /// Empty where the command's answers have no document (GetAttachment, none). `status`: 1 to
    /// 999.
    StatusDocument(Command command, std::uint16_t status);

    [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

  private:
    void put(std::uint8_t byte) { bytes_[size_++] = static_cast<char>(byte); }

    static constexpr std::size_t kMostBytes = 18;
    std::array<char, kMostBytes> bytes_{};
    std::size_t size_ = 0;
};

}  // namespace eg::filters::eas
