#include "proxy/device/state_reader.h"

#include <algorithm>

namespace eg::device {

namespace {

std::unexpected<Error> damaged(const char* what) {
    return fail(ErrorCode::malformed, Side::self, what);
}

}  // namespace

Result<void> StateReader::push(std::span<const unsigned char> bytes) {
    // Only what was left over is copied; a record is at most kMostRecordBytes.
    while (!kept_.empty() && !bytes.empty()) {
        const std::size_t more = std::min(bytes.size(), format::kMostRecordBytes);
        kept_.insert(kept_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(more));
        bytes = bytes.subspan(more);
        std::vector<unsigned char> joined;
        joined.swap(kept_);
        std::span<const unsigned char> rest(joined);
        for (Result<bool> went = true; *went && !rest.empty();) {
            went = step(rest);
            if (!went) {
                return std::unexpected(went.error());
            }
        }
        kept_.assign(rest.begin(), rest.end());
    }
    for (Result<bool> went = true; *went && !bytes.empty();) {
        went = step(bytes);
        if (!went) {
            return std::unexpected(went.error());
        }
    }
    kept_.insert(kept_.end(), bytes.begin(), bytes.end());
    return {};
}

Result<bool> StateReader::step(std::span<const unsigned char>& rest) {
    const auto consume = [&rest](std::size_t count, Result<void> outcome) -> Result<bool> {
        if (!outcome) {
            return std::unexpected(outcome.error());
        }
        rest = rest.subspan(count);
        return true;
    };
    switch (expect_) {
        case Expect::head: {
            constexpr std::size_t kNeeded = format::kHeadBytes + format::kSumBytes;
            if (rest.size() < kNeeded) {
                return false;
            }
            return consume(kNeeded, begin_block(rest.first(kNeeded)));
        }
        case Expect::body: {
            const Result<std::size_t> taken = take_body(rest);
            if (!taken) {
                return std::unexpected(taken.error());
            }
            rest = rest.subspan(*taken);
            return *taken > 0 || expect_ == Expect::sum;
        }
        case Expect::sum:
            break;
    }
    if (rest.size() < format::kSumBytes) {
        return false;
    }
    return consume(format::kSumBytes, end_block(rest.first(format::kSumBytes)));
}

Result<void> StateReader::begin_block(std::span<const unsigned char> bytes) {
    const auto head = format::read_head(bytes.first(format::kHeadBytes));
    const auto sum = bytes.last(format::kSumBytes);
    if (!head ||
        !std::ranges::equal(format::chain(before_, bytes.first(format::kHeadBytes)), sum)) {
        return damaged("the head of a block is damaged");
    }
    if ((head->kind == format::BlockKind::whole) != (states_.table == nullptr)) {
        return damaged("the blocks are out of order");
    }
    head_ = *head;
    digest_.emplace();
    digest_->add(sum);
    builder_.emplace();
    builder_->expect(head_.records);
    cursor_.reset();
    body_left_ = head_.body_bytes;
    expect_ = Expect::body;
    return {};
}

/// Takes the cursor or as many whole records as there are; 0 if more bytes are needed.
Result<std::size_t> StateReader::take_body(std::span<const unsigned char> bytes) {
    bytes = bytes.first(std::min<std::uint64_t>(bytes.size(), body_left_));
    std::size_t taken = 0;
    if (!cursor_) {
        if (bytes.size() < head_.cursor_bytes) {
            return 0;
        }
        taken = head_.cursor_bytes;
        cursor_.emplace(reinterpret_cast<const char*>(bytes.data()), taken);
    }
    while (taken < bytes.size()) {
        const auto rest = bytes.subspan(taken);
        const auto size = format::check(rest);
        if (!size) {
            if (rest.size() == body_left_ - taken || rest.size() >= format::kMostRecordBytes) {
                return damaged("a record is damaged");
            }
            break;
        }
        builder_->add_packed(rest.first(*size));
        taken += *size;
    }
    digest_->add(bytes.first(taken));
    body_left_ -= taken;
    expect_ = body_left_ == 0 ? Expect::sum : Expect::body;
    return taken;
}

Result<void> StateReader::end_block(std::span<const unsigned char> sum) {
    const Sum computed = digest_->finish();
    if (!std::ranges::equal(computed, sum) || builder_->added() != head_.records) {
        return damaged("the body of a block is damaged");
    }
    DeviceTable::Builder builder = std::move(*builder_);
    states_.table =
        head_.kind == format::BlockKind::whole
            ? std::move(builder).build(head_.policy, std::move(*cursor_))
            : std::move(builder).build_on(*states_.table, head_.policy, std::move(*cursor_));
    builder_.reset();
    if (states_.table == nullptr) {
        return fail(ErrorCode::unavailable, Side::self, "no memory for the table");
    }
    const std::uint64_t length = format::kHeadBytes + 2 * format::kSumBytes + head_.body_bytes;
    (head_.kind == format::BlockKind::whole ? states_.whole_bytes : states_.delta_bytes) += length;
    states_.contact = head_.contact;
    states_.sum = computed;
    before_ = computed;
    expect_ = Expect::head;
    return {};
}

Result<StoredStates> StateReader::finish() {
    if (states_.table == nullptr) {
        return damaged("the file is too short");
    }
    // An append that a kill cut short: what stands before it was in force until then. Whether the
    // file was cut later is for the contact record to say.
    states_.torn = expect_ != Expect::head || !kept_.empty();
    const std::size_t known = std::min(kept_.size(), format::kBlockMagic.size());
    if (expect_ == Expect::head &&
        !std::ranges::equal(std::span(kept_).first(known),
                            format::as_bytes(format::kBlockMagic.substr(0, known)))) {
        return damaged("something else stands behind the last block");
    }
    return std::move(states_);
}

}  // namespace eg::device
