// Property: a response of the feed means the same in any pieces; what counts makes a table that
// lists exactly its devices, as a full list as well as on top of another table.

#include <algorithm>
#include <set>
#include <string>

#include "proxy/base/text.h"
#include "proxy/device/feed_document.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace eg;

Result<device::FeedDocument> parse(std::string_view bytes, std::size_t step) {
    device::FeedParser parser;
    while (!bytes.empty()) {
        if (const auto taken = parser.push(bytes.substr(0, step)); !taken) {
            return std::unexpected(taken.error());
        }
        bytes.remove_prefix(std::min(step, bytes.size()));
    }
    return parser.finish();
}

std::string describe(const device::DeviceTable& table) {
    std::set<std::string> lines;
    table.for_each([&lines](const device::RecordView& record) {
        std::string line = device::canonical_id(record.id());
        line.append(" ").append(to_string(record.state())).append(" ").append(record.reason());
        for (const std::string& user : record.users()) {
            line.append(" ").append(user);
        }
        lines.insert(line);
    });
    std::string text;
    for (const std::string& line : lines) {
        text.append(line).append("\n");
    }
    return text;
}

void check_table(const device::DeviceTable& table) {
    std::size_t count = 0;
    table.for_each([&](const device::RecordView& record) {
        ++count;
        const auto found = table.find(record.id());
        EG_CHECK(found.has_value());
        // Another spelling of the id may rule, but only a stricter one.
        EG_CHECK(device::canonical_id(found->id()) == device::canonical_id(record.id()) ||
                 found->state() != device::State::allow);
        EG_CHECK(record.copy().keys.size() == record.keys().size());
    });
    EG_CHECK(count == table.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = fuzz::as_text(data, size);
    auto whole = parse(bytes, bytes.size() + 1);
    for (const std::size_t step : {1U, 3U, 64U}) {
        EG_CHECK(parse(bytes, step).has_value() == whole.has_value());
    }
    if (!whole) {
        return 0;
    }
    auto pieces = parse(bytes, 5);
    auto delta = parse(bytes, 11);
    EG_CHECK(pieces->cursor == whole->cursor && pieces->full == whole->full);
    EG_CHECK(delta->records.packed() == whole->records.packed());
    const auto table = std::move(whole->records).build(whole->policy({}), whole->cursor);
    const auto same = std::move(pieces->records).build({}, "");
    EG_CHECK(table && same && describe(*table) == describe(*same));
    check_table(*table);
    const auto again = std::move(delta->records).build_on(*table, {}, "");
    EG_CHECK(again && describe(*again) == describe(*table));
    check_table(*again);
    return 0;
}
