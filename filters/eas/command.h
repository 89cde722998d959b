/// ActiveSync commands and what the gate must know of each ([MS-ASHTTP] 2.2.1.1.1.1.2).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace eg::filters::eas {

enum class Command : std::uint8_t {
    sync = 0,
    send_mail = 1,
    smart_forward = 2,
    smart_reply = 3,
    get_attachment = 4,
    folder_sync = 9,
    folder_create = 10,
    folder_delete = 11,
    folder_update = 12,
    move_items = 13,
    get_item_estimate = 14,
    meeting_response = 15,
    search = 16,
    settings = 17,
    ping = 18,
    item_operations = 19,
    provision = 20,
    resolve_recipients = 21,
    validate_cert = 22,
    find = 23,
    none = 255,  // OPTIONS carries no command
};

/// The root token of a command that never has a body (GetAttachment); no tag has this number.
inline constexpr std::uint8_t kNoRoot = 0;

struct CommandFacts {
    Command command;
    std::string_view name;   // of the plain query
    bool may_be_held;        // Ping, Sync: the answer may take up to an hour
    bool safe_to_repeat;     // may be sent again if a reused connection died before the answer
    bool mime_body;          // 2.5 to 12.1 send message/rfc822 instead of WBXML
    std::uint8_t root_page;  // code page and token of the root element ([MS-ASWBXML] 2.1.2.1)
    std::uint8_t root_token;
    std::uint8_t status_token;  // of Status in its answer, on the page of the root; of
                                // MeetingResponse's Result, which alone holds the Status there
};

/// Every command, in the order of their codes.
[[nodiscard]] std::span<const CommandFacts> all_commands();
/// Null for Command::none.
[[nodiscard]] const CommandFacts* facts_of(Command command);
/// The name of the plain query; "" for Command::none.
[[nodiscard]] std::string_view name_of(Command command);
/// By the name of the plain query, any letter case.
[[nodiscard]] std::optional<Command> command_by_name(std::string_view name);
/// By the code of the base64 query.
[[nodiscard]] std::optional<Command> command_by_code(std::uint8_t code);

}  // namespace eg::filters::eas
