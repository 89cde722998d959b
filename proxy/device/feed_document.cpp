#include "proxy/device/feed_document.h"

#include "proxy/base/json.h"
#include "proxy/device/binding.h"
#include "proxy/device/state_format.h"

namespace eg::device {

namespace {

std::unexpected<Error> wrong(const char* what) {
    return fail(ErrorCode::malformed, Side::upstream, what);
}

/// A JSON object without repeated keys, or null.
Json parse_object(std::string_view line) {
    Json value(json_loadb(line.data(), line.size(), JSON_REJECT_DUPLICATES, nullptr));
    return json_is_object(value.get()) ? std::move(value) : nullptr;
}

/// The text of a key; nothing if it is absent or no text.
std::optional<std::string_view> text_of(const json_t* object, const char* key) {
    const json_t* value = json_object_get(object, key);
    if (!json_is_string(value)) {
        return std::nullopt;
    }
    return std::string_view(json_string_value(value), json_string_length(value));
}

/// Calls `use` with the texts of a list; false if it is no list of texts, or `use` says so.
template <typename Use>
bool for_each_text(const json_t* list, Use&& use) {
    if (!json_is_array(list)) {
        return false;
    }
    for (std::size_t i = 0; i < json_array_size(list); ++i) {
        const json_t* value = json_array_get(list, i);
        if (!json_is_string(value) ||
            !use(std::string_view(json_string_value(value), json_string_length(value)))) {
            return false;
        }
    }
    return true;
}

}  // namespace

FeedPolicy FeedDocument::policy(const FeedPolicy& before) const {
    FeedPolicy policy = full ? FeedPolicy() : before;
    policy.only_secure_email = only_secure_email.value_or(policy.only_secure_email);
    return policy;
}

Result<void> FeedParser::push(std::string_view bytes) {
    bytes_ += bytes.size();
    if (bytes_ > kMostBytes) {
        return fail(ErrorCode::too_large, Side::upstream, "the response is too large");
    }
    for (std::size_t end = bytes.find('\n'); end != std::string_view::npos;
         end = bytes.find('\n')) {
        std::string_view line = bytes.substr(0, end);
        bytes.remove_prefix(end + 1);
        if (!part_.empty()) {
            part_ += line;
            line = part_;
        }
        const Result<void> taken = take_line(line);
        part_.clear();
        if (!taken) {
            return taken;
        }
    }
    part_ += bytes;
    if (part_.size() > kMostLineBytes) {
        return fail(ErrorCode::too_large, Side::upstream, "a line is too long");
    }
    return {};
}

Result<FeedDocument> FeedParser::finish() {
    if (!part_.empty()) {  // the last line need not end in a line feed
        if (const auto taken = take_line(part_); !taken) {
            return std::unexpected(taken.error());
        }
    }
    if (lines_ == 0) {
        return wrong("the response is empty");
    }
    if (lines_ - 1 != count_) {
        return wrong("the lines are fewer than the first one says");
    }
    return std::move(document_);
}

Result<void> FeedParser::take_line(std::string_view line) {
    if (line.size() > kMostLineBytes) {
        return fail(ErrorCode::too_large, Side::upstream, "a line is too long");
    }
    ++lines_;
    if (lines_ == 1) {
        return take_head(line);
    }
    if (lines_ - 1 > count_) {
        return wrong("the lines are more than the first one says");
    }
    return take_device(line);
}

Result<void> FeedParser::take_head(std::string_view line) {
    const Json object = parse_object(line);
    const auto cursor = text_of(object.get(), "cursor");
    const json_t* full = json_object_get(object.get(), "full");
    const json_t* count = json_object_get(object.get(), "count");
    if (!cursor || cursor->empty() || cursor->size() > format::kMostCursorBytes ||
        !json_is_boolean(full) || !json_is_integer(count) || json_integer_value(count) < 0) {
        return wrong("the first line is not that of a feed");
    }
    if (const json_t* policy = json_object_get(object.get(), "policy")) {
        const json_t* only = json_object_get(policy, "only_secure_email");
        if (!json_is_object(policy) || (only != nullptr && !json_is_boolean(only))) {
            return wrong("the policy is not one");
        }
        if (only != nullptr) {
            document_.only_secure_email = json_is_true(only);
        }
    }
    document_.cursor = *cursor;
    document_.full = json_is_true(full);
    count_ = static_cast<std::uint64_t>(json_integer_value(count));
    document_.records.expect(count_);
    return {};
}

Result<void> FeedParser::take_device(std::string_view line) {
    const Json object = parse_object(line);
    const auto id = text_of(object.get(), "id");
    const auto state = text_of(object.get(), "state");
    users_.clear();
    const auto add_user = [this](std::string_view user) {
        users_.push_back(user);
        return true;
    };
    if (!id || id->empty() || !state ||
        !for_each_text(json_object_get(object.get(), "users"), add_user)) {
        return wrong("a line without id, state or users");
    }
    keys_.clear();
    const auto add_key = [this](std::string_view text) {
        const auto key = parse_key(text);
        keys_.push_back(key.value_or(KeyHash{}));
        return key.has_value();
    };
    const json_t* keys = json_object_get(object.get(), "keys");
    if (keys != nullptr && !json_is_null(keys) && !for_each_text(keys, add_key)) {
        return wrong("keys are SHA-256 sums in hexadecimal");
    }
    document_.records.add(RecordParts{*id, users_, parse_state(*state),
                                      text_of(object.get(), "reason").value_or(""), keys_});
    if (!document_.records.ok()) {
        return fail(ErrorCode::unavailable, Side::self, "no room for the device states");
    }
    return {};
}

}  // namespace eg::device
