#include "mdm/commands/device_csv.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "mdm/commands/csv.h"
#include "mdm/store/device_rules.h"
#include "proxy/base/text.h"

namespace eg::mdm {
namespace {

enum Column : std::size_t { kId, kUsers, kState, kReason, kKeys, kColumns };
constexpr std::array<std::string_view, kColumns> kNames = {"id", "users", "state", "reason",
                                                           "keys"};
constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

/// Where each column stands in a record.
struct Header {
    std::array<std::size_t, kColumns> place;
    std::size_t width = 0;

    Header() { place.fill(kNowhere); }
    [[nodiscard]] bool names(Column column) const { return place[column] != kNowhere; }

    [[nodiscard]] std::string_view value(const std::vector<std::string>& fields,
                                         Column column) const {
        return names(column) ? std::string_view(fields[place[column]]) : std::string_view();
    }
};

/// What is wrong with the header line, or nothing.
std::optional<std::string> read_header(const std::vector<std::string>& fields, Header& header) {
    header.width = fields.size();
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const auto* name = std::ranges::find(kNames, trim(fields[i]));
        if (name == kNames.end()) {
            return fmt::format(
                "the header names an unknown column '{}'; known are id, users, state, reason, keys",
                is_clean_text(fields[i]) ? fields[i] : "?");
        }
        std::size_t& place = header.place[static_cast<std::size_t>(name - kNames.begin())];
        if (place != kNowhere) {
            return fmt::format("the header names the column '{}' twice", *name);
        }
        place = i;
    }
    if (header.place[kId] == kNowhere) {
        return "the header has no column 'id'";
    }
    return std::nullopt;
}

/// Fills `record`; what is wrong, or nothing.
std::optional<std::string> read_device(const CsvReader& csv, const Header& header,
                                       device::Record& record) {
    if (!csv.error().empty()) {
        return csv.error();
    }
    if (csv.fields().size() != header.width) {
        return fmt::format("{} fields where the header has {}", csv.fields().size(), header.width);
    }
    record.id = trim(header.value(csv.fields(), kId));
    record.users = split_users(header.value(csv.fields(), kUsers));
    record.reason = trim(header.value(csv.fields(), kReason));
    const std::string_view word = trim(header.value(csv.fields(), kState));
    const auto state = word.empty() ? device::State::allow : state_of_word(word);
    if (!state) {
        return fmt::format("unknown state '{}'; known are {}", is_clean_text(word) ? word : "?",
                           known_states());
    }
    record.state = *state;
    const auto keys = keys_of_list(trim(header.value(csv.fields(), kKeys)));
    if (!keys) {
        return "keys must be SHA-256 sums of 64 hexadecimal digits, parted by one space";
    }
    record.keys = *keys;
    return what_is_wrong(record);
}

}  // namespace

std::vector<std::string> split_users(std::string_view text) {
    std::vector<std::string> users;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(';'), text.size());
        const std::string_view user = trim(text.substr(0, end));
        if (!user.empty()) {
            users.emplace_back(user);
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return users;
}

DeviceList parse_device_csv(std::string_view text) {
    DeviceList list;
    CsvReader csv(text);
    Header header;
    if (!csv.next()) {
        list.problems.push_back({1,
                                 "the file is empty; its first line must name the columns: "
                                 "id,users,state,reason,keys"});
        return list;
    }
    const auto wrong_header = csv.error().empty() ? read_header(csv.fields(), header) : csv.error();
    if (wrong_header) {
        list.problems.push_back({csv.line(), *wrong_header});
        return list;
    }
    list.parts = {.users = header.names(kUsers),
                  .state = header.names(kState),
                  .reason = header.names(kReason),
                  .keys = header.names(kKeys)};
    std::unordered_map<std::string, std::int64_t> lines;  // by canonical id
    while (csv.next()) {
        device::Record record;
        if (const auto wrong = read_device(csv, header, record)) {
            list.problems.push_back({csv.line(), *wrong});
            continue;
        }
        const auto [first, fresh] = lines.emplace(device::canonical_id(record.id), csv.line());
        if (!fresh) {
            list.problems.push_back(
                {csv.line(),
                 fmt::format("'{}' is the same device as in line {}", record.id, first->second)});
            continue;
        }
        list.records.push_back(std::move(record));
    }
    return list;
}

}  // namespace eg::mdm
