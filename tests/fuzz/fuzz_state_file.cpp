// Properties: a state file means the same in any pieces; a file with right sums around any body is
// either refused or read back as a table that can be looked into; and of a good file that was
// cut, the whole blocks count.

#include <algorithm>
#include <cstring>
#include <vector>

#include "proxy/device/state_reader.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace eg;
using device::StateReader;
using device::StoredStates;
using Content = std::vector<unsigned char>;

constexpr std::string_view kName = "fuzz";

Result<StoredStates> read(std::span<const unsigned char> bytes, std::size_t step) {
    StateReader reader(kName);
    while (!bytes.empty()) {
        const std::size_t count = std::min(step, bytes.size());
        if (const auto taken = reader.push(bytes.first(count)); !taken) {
            return std::unexpected(taken.error());
        }
        bytes = bytes.subspan(count);
    }
    return reader.finish();
}

void check_outcome(std::span<const unsigned char> bytes) {
    const auto whole = read(bytes, bytes.size() + 1);
    for (const std::size_t step : {1U, 61U}) {
        const auto pieces = read(bytes, step);
        EG_CHECK(pieces.has_value() == whole.has_value());
        EG_CHECK(!whole || (pieces->sum == whole->sum && pieces->contact == whole->contact &&
                            pieces->table->size() == whole->table->size()));
    }
    if (whole) {
        std::size_t count = 0;
        whole->table->for_each([&](const device::RecordView& record) {
            ++count;
            EG_CHECK(whole->table->find(record.id()).has_value());
            (void)record.copy();
        });
        EG_CHECK(count == whole->table->size());
    }
}

/// A block with right lengths and sums.
device::Sum append_block(Content& file, device::format::BlockKind kind, const device::Sum& before,
                         std::span<const unsigned char> body, std::uint64_t records) {
    device::format::BlockHead head;
    head.kind = kind;
    head.cursor_bytes = static_cast<std::uint16_t>(std::min<std::size_t>(body.size(), 2));
    head.body_bytes = body.size();
    head.records = records;
    Content block = device::format::write_head(head, before);
    block.insert(block.end(), body.begin(), body.end());
    device::Digest digest;
    digest.add(std::span(block).subspan(device::format::kHeadBytes));
    const device::Sum sum = digest.finish();
    file.insert(file.end(), block.begin(), block.end());
    file.insert(file.end(), sum.begin(), sum.end());
    return sum;
}

std::uint64_t count_records(std::span<const unsigned char> body) {
    body = body.subspan(std::min<std::size_t>(body.size(), 2));
    std::uint64_t count = 0;
    while (const auto size = device::format::check(body)) {
        body = body.subspan(*size);
        ++count;
    }
    return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const unsigned char> bytes(data, size);
    check_outcome(bytes);
    (void)device::format::read_contact(bytes);

    using enum device::format::BlockKind;
    Content file;
    const auto sum =
        append_block(file, whole, device::format::seed(kName), bytes, count_records(bytes));
    const std::size_t first = file.size();
    append_block(file, delta, sum, bytes, count_records(bytes));
    check_outcome(file);
    if (const auto good = read(file, file.size())) {
        const std::size_t length = file.size() - 1 - size % (file.size() - first);
        const auto cut = read(std::span(file).first(length), file.size());
        const auto older = read(std::span(file).first(first), file.size());
        EG_CHECK(cut && cut->sum == older->sum && cut->torn == (length != first));
        EG_CHECK(older && older->whole_bytes == first && older->delta_bytes == 0);
        EG_CHECK(good->delta_bytes == file.size() - first);
    }
    return 0;
}
