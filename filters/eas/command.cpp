#include "filters/eas/command.h"

#include "proxy/base/text.h"

namespace eg::filters::eas {

namespace {

// Safe to repeat is what changes nothing at the mail server. Sync, ItemOperations and Settings may
// carry changes, Provision uses up a key, and all others are changes or mail. GetAttachment never
// has a body, so it has no root.
//
// Columns: command, name, may be held, safe to repeat, MIME body, code page and token of the root,
// token of what comes first in an answer that holds nothing but a status.
constexpr std::array<CommandFacts, 20> kCommands{{
    {Command::sync, "Sync", true, false, false, 0, 0x05, 0x0E},
    {Command::send_mail, "SendMail", false, false, true, 21, 0x05, 0x12},
    {Command::smart_forward, "SmartForward", false, false, true, 21, 0x06, 0x12},
    {Command::smart_reply, "SmartReply", false, false, true, 21, 0x07, 0x12},
    {Command::get_attachment, "GetAttachment", false, true, false, 0, kNoRoot, kNoRoot},
    {Command::folder_sync, "FolderSync", false, true, false, 7, 0x16, 0x0C},
    {Command::folder_create, "FolderCreate", false, false, false, 7, 0x13, 0x0C},
    {Command::folder_delete, "FolderDelete", false, false, false, 7, 0x14, 0x0C},
    {Command::folder_update, "FolderUpdate", false, false, false, 7, 0x15, 0x0C},
    {Command::move_items, "MoveItems", false, false, false, 5, 0x05, 0x0B},
    {Command::get_item_estimate, "GetItemEstimate", false, true, false, 6, 0x05, 0x0E},
    {Command::meeting_response, "MeetingResponse", false, false, false, 8, 0x07, 0x0A},
    {Command::search, "Search", false, true, false, 15, 0x05, 0x0C},
    {Command::settings, "Settings", false, false, false, 18, 0x05, 0x06},
    {Command::ping, "Ping", true, true, false, 13, 0x05, 0x07},
    {Command::item_operations, "ItemOperations", false, false, false, 20, 0x05, 0x0D},
    {Command::provision, "Provision", false, false, false, 14, 0x05, 0x0B},
    {Command::resolve_recipients, "ResolveRecipients", false, true, false, 10, 0x05, 0x07},
    {Command::validate_cert, "ValidateCert", false, true, false, 11, 0x05, 0x0A},
    {Command::find, "Find", false, true, false, 25, 0x05, 0x0A},
}};

}  // namespace

std::span<const CommandFacts> all_commands() {
    return kCommands;
}

const CommandFacts* facts_of(Command command) {
    for (const CommandFacts& facts : kCommands) {
        if (facts.command == command) {
            return &facts;
        }
    }
    return nullptr;
}

std::string_view name_of(Command command) {
    const CommandFacts* facts = facts_of(command);
    return facts == nullptr ? std::string_view() : facts->name;
}

std::optional<Command> command_by_name(std::string_view name) {
    for (const CommandFacts& facts : kCommands) {
        if (facts.name.size() == name.size() && iequals(facts.name, name)) {
            return facts.command;
        }
    }
    return std::nullopt;
}

std::optional<Command> command_by_code(std::uint8_t code) {
    const CommandFacts* facts = facts_of(static_cast<Command>(code));
    return facts == nullptr ? std::nullopt : std::optional(facts->command);
}

}  // namespace eg::filters::eas
