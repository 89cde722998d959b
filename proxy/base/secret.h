/// A text that can't be printed: passwords, keys, tokens.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace eg {

/// Has no formatter and no stream operator, so that logging one doesn't compile. Its memory is
/// wiped when it dies, is assigned or moved from.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string text) : text_(std::move(text)) {}
    Secret(const Secret&) = default;
    Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
    Secret& operator=(const Secret& other) {
        if (this != &other) {
            wipe();
            text_ = other.text_;
        }
        return *this;
    }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            wipe();
            text_ = std::move(other.text_);
            other.wipe();
        }
        return *this;
    }
    ~Secret() { wipe(); }

    /// For the one place that hands it to a library. Never to a log or an error text.
    [[nodiscard]] std::string_view reveal() const { return text_; }
    [[nodiscard]] bool empty() const { return text_.empty(); }

  private:
    // All of the memory: a short string that was moved or shortened leaves its bytes behind its
    // end.
    void wipe() noexcept {
        text_.resize(text_.capacity());
        for (volatile char& c : text_) {
            c = '\0';
        }
        text_.clear();
    }
    std::string text_;
};

}  // namespace eg

template <>
struct fmt::formatter<eg::Secret> {
    formatter() = delete;
};
