/// A text that can't be printed: passwords, keys, tokens.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace eg {

/// Has no formatter and no stream operator, so that logging one doesn't compile. Wiped when it dies.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string text) : text_(std::move(text)) {}
    Secret(const Secret&) = default;
    Secret(Secret&&) = default;
    Secret& operator=(const Secret&) = default;
    Secret& operator=(Secret&&) = default;
    ~Secret() { wipe(); }

    /// For the one place that hands it to a library. Never to a log or an error text.
    [[nodiscard]] std::string_view reveal() const { return text_; }
    [[nodiscard]] bool empty() const { return text_.empty(); }

  private:
    void wipe() {
        for (volatile char& c : text_) {
            c = '\0';
        }
    }
    std::string text_;
};

}  // namespace eg

template <>
struct fmt::formatter<eg::Secret> {
    formatter() = delete;
};
