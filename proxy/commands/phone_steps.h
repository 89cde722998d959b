/// The steps of a simulated phone's first contact, and what is told about each. One thread; blocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/commands/phone.h"
#include "proxy/commands/phone_client.h"
#include "proxy/commands/phone_wbxml.h"

namespace eg::commands {

/// What became of a step: whether it passed, and what is told about it.
struct StepResult {
    bool passed = false;
    std::string told;
};

/// A phone between its steps: its policy key and its inbox. `foldersync` goes before `sync` and
/// `ping`, `provision` before all three and `sendmail`.
class SimulatedPhone {
  public:
    /// `options` must outlive the phone.
    SimulatedPhone(const PhoneOptions& options, PhoneClient client)
        : options_(options), client_(std::move(client)) {}

    [[nodiscard]] StepResult run(PhoneStep step);
    /// HTTP status of the last answer, 0 if none came.
    [[nodiscard]] long last_status() const { return answer_.status; }

  private:
    /// The root element of the answer to one command; nothing where the answer has no body, or an
    /// explanation of what went wrong.
    using Reply = std::expected<std::optional<WbxmlElement>, std::string>;

    [[nodiscard]] Reply command(std::string_view name, std::string body);
    [[nodiscard]] Reply command(std::string_view name, std::string body,
                                std::string_view content_type, std::chrono::seconds timeout);
    [[nodiscard]] StepResult ask_options();
    [[nodiscard]] StepResult provision();
    [[nodiscard]] static std::expected<std::string, StepResult> offered_key(const Reply& reply);
    [[nodiscard]] bool remember_key(std::string_view text);
    [[nodiscard]] StepResult folder_sync();
    [[nodiscard]] StepResult sync();
    [[nodiscard]] StepResult ping();
    [[nodiscard]] StepResult send_mail();

    const PhoneOptions& options_;
    PhoneClient client_;
    PhoneAnswer answer_;
    std::uint32_t policy_key_ = 0;
    std::string inbox_;
};

/// An HTTP answer that isn't 200, in words: who refused it and why, with the gate's request id.
[[nodiscard]] std::string refusal_text(const PhoneAnswer& answer);

/// Text of the other side for a terminal: control bytes and what isn't UTF-8 become `?`.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace eg::commands
