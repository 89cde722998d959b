/// A text that owns its bytes and keeps up to N of them within itself: for the short texts of a
/// request, which then cost no allocation. A value; not for secrets, since nothing is wiped.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace eg {

template <std::size_t N>
class SmallText {
  public:
    SmallText() = default;
    // Implicit, so that it stands wherever a std::string could.
    // NOLINTNEXTLINE(google-explicit-constructor)
    SmallText(std::string_view text) { assign(text); }
    SmallText(const SmallText& other) : SmallText(other.view()) {}
    SmallText(SmallText&& other) noexcept
        : heap_(std::move(other.heap_)),
          size_(std::exchange(other.size_, 0)),
          inline_(other.inline_) {}
    ~SmallText() = default;

    SmallText& operator=(std::string_view text) {
        assign(text);
        return *this;
    }
    SmallText& operator=(const SmallText& other) {
        if (this != &other) {
            assign(other.view());
        }
        return *this;
    }
    SmallText& operator=(SmallText&& other) noexcept {
        heap_ = std::move(other.heap_);
        size_ = std::exchange(other.size_, 0);
        inline_ = other.inline_;
        return *this;
    }

    /// `text` lies elsewhere.
    void assign(std::string_view text) {
        std::copy_n(text.data(), text.size(), room(text.size()));
        cut(text.size());
    }
    /// Memory for `most` bytes in place of the text; cut() says how many of them it then has.
    [[nodiscard]] char* room(std::size_t most) {
        size_ = 0;
        heap_ = most > N ? std::make_unique_for_overwrite<char[]>(most) : nullptr;
        return heap_ != nullptr ? heap_.get() : inline_.data();
    }
    void cut(std::size_t size) { size_ = static_cast<std::uint32_t>(size); }
    void clear() { cut(0); }

    [[nodiscard]] std::string_view view() const {
        return {heap_ != nullptr ? heap_.get() : inline_.data(), size_};
    }
    // NOLINTNEXTLINE(google-explicit-constructor)
    operator std::string_view() const { return view(); }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    friend bool operator==(const SmallText& a, std::string_view b) { return a.view() == b; }
    friend bool operator==(const SmallText& a, const SmallText& b) { return a.view() == b.view(); }

  private:
    std::unique_ptr<char[]> heap_;  // null: the text is in inline_
    std::uint32_t size_ = 0;
    std::array<char, N> inline_{};
};

/// Room for what a request says of itself: 48 bytes, with device ids of up to 36.
using ShortText = SmallText<36>;

}  // namespace eg
