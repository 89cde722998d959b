#include "mdm/store/device_rules.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "proxy/base/text.h"

namespace eg::mdm {

std::optional<device::State> state_of_word(std::string_view word) {
    for (const device::State state : {device::State::allow, device::State::deny,
                                      device::State::non_compliant, device::State::wipe}) {
        if (word == device::to_string(state)) {
            return state;
        }
    }
    return std::nullopt;
}

std::string_view known_states() {
    return "allow, deny, non_compliant, wipe";
}

bool is_clean_text(std::string_view text) {
    return is_utf8(text) &&
           std::ranges::none_of(text, [](char c) { return (c >= '\0' && c < ' ') || c == '\x7f'; });
}

std::string key_list(std::span<const device::KeyHash> keys) {
    std::string text;
    for (const device::KeyHash& key : keys) {
        text += text.empty() ? "" : " ";
        text += device::key_text(key);
    }
    return text;
}

std::optional<std::vector<device::KeyHash>> keys_of_list(std::string_view text) {
    std::vector<device::KeyHash> keys;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        const auto key = device::parse_key(text.substr(0, end));
        if (!key) {
            return std::nullopt;
        }
        keys.push_back(*key);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return keys;
}

std::vector<device::KeyHash> stored_keys(std::string_view text) {
    auto keys = keys_of_list(text);
    if (!keys) {
        throw std::runtime_error("the table of devices holds a key that is none");
    }
    return *std::move(keys);
}

std::optional<std::string> what_is_wrong(const device::Record& record) {
    if (record.id.empty()) {
        return "the device id is empty";
    }
    if (record.id.size() > kMostIdBytes) {
        return fmt::format("the device id is longer than {} bytes", kMostIdBytes);
    }
    if (!is_clean_text(record.id)) {
        return "the device id holds control characters or isn't UTF-8; write raw bytes as "
               "hexadecimal digits";
    }
    if (record.users.size() > kMostUsers) {
        return fmt::format(
            "more than {} users; leave the users empty to let any user use the device", kMostUsers);
    }
    for (const std::string& user : record.users) {
        if (user.empty() || user.size() > kMostUserBytes || !is_clean_text(user)) {
            return fmt::format(
                "a user name must be 1 to {} bytes of UTF-8 without control characters",
                kMostUserBytes);
        }
    }
    if (record.keys.size() > kMostKeys) {
        return fmt::format("more than {} keys", kMostKeys);
    }
    if (record.reason.size() > kMostReasonBytes || !is_clean_text(record.reason)) {
        return fmt::format(
            "the reason must be at most {} bytes of UTF-8 without control characters",
            kMostReasonBytes);
    }
    return std::nullopt;
}

}  // namespace eg::mdm
