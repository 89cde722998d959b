#include "proxy/device/binding.h"

#include <cerrno>
#include <memory>

#include <fmt/format.h>

#include "proxy/base/json.h"
#include "proxy/base/text.h"
#include "proxy/device/digest.h"
#include "proxy/device/disk.h"

namespace eg::device {

namespace {

constexpr std::size_t kMostFileBytes = std::size_t{512} * 1024 * 1024;
constexpr std::string_view kSum = "sum ";
constexpr std::string_view kPurpose = "state";

std::unexpected<Error> damaged(const char* what) {
    return fail(ErrorCode::malformed, Side::self, what);
}

std::string sum_of(std::string_view text) {
    Digest digest;
    digest.add({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
    return key_text(digest.finish());
}

std::string line_of(const StoredBinding& binding) {
    const Json line(json_pack("{s:s%, s:s%, s:s, s:I}", "id", binding.id.data(), binding.id.size(),
                              "user", binding.user.data(), binding.user.size(), "key",
                              binding.key ? key_text(*binding.key).c_str() : "", "since",
                              json_int_t{binding.since}));
    const std::unique_ptr<char, decltype(&std::free)> text(
        json_dumps(line.get(), JSON_COMPACT | JSON_ENSURE_ASCII), &std::free);
    return text == nullptr ? std::string() : std::string(text.get()) + "\n";
}

std::optional<StoredBinding> parse_line(std::string_view line) {
    const Json object(
        json_loadb(line.data(), line.size(), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, nullptr));
    const json_t* id = json_object_get(object.get(), "id");
    const json_t* user = json_object_get(object.get(), "user");
    const json_t* key = json_object_get(object.get(), "key");
    const json_t* since = json_object_get(object.get(), "since");
    if (!json_is_string(id) || !json_is_string(user) || !json_is_string(key) ||
        !json_is_integer(since) || json_string_length(id) == 0) {
        return std::nullopt;
    }
    StoredBinding binding{.id = {json_string_value(id), json_string_length(id)},
                          .user = {json_string_value(user), json_string_length(user)},
                          .key = parse_key({json_string_value(key), json_string_length(key)}),
                          .since = json_integer_value(since)};
    if (!binding.key && json_string_length(key) != 0) {
        return std::nullopt;
    }
    return binding;
}

}  // namespace

std::string bindings_path(const std::string& state_file, const std::string& name) {
    const std::size_t slash = state_file.rfind('/');
    std::string folder = slash == std::string::npos ? "" : state_file.substr(0, slash + 1);
    std::string file = state_file.substr(folder.size());
    if (file.ends_with(kPurpose)) {
        file.resize(file.size() - kPurpose.size());
    } else {
        file += '.';
    }
    return folder + file + "bindings." + name;
}

std::string write_bindings(std::span<const StoredBinding> bindings, std::string_view name) {
    std::string content(kBindingsMagic);
    content.append(name).append("\n");
    for (const StoredBinding& binding : bindings) {
        content += line_of(binding);
    }
    return content + std::string(kSum) + sum_of(content) + "\n";
}

Result<std::vector<StoredBinding>> parse_bindings(std::string_view content, std::string_view name) {
    constexpr std::size_t kTail = kSum.size() + 2 * sizeof(KeyHash) + 1;
    const std::string head = std::string(kBindingsMagic) + std::string(name) + "\n";
    if (content.size() < head.size() + kTail || !content.starts_with(head)) {
        return damaged("not the bindings of this instance, or cut off");
    }
    std::string_view rest = content.substr(0, content.size() - kTail);
    if (content.substr(rest.size()) != std::string(kSum) + sum_of(rest) + "\n") {
        return damaged("the sum of the bindings is wrong");
    }
    rest.remove_prefix(head.size());
    std::vector<StoredBinding> bindings;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        auto binding =
            end == std::string_view::npos ? std::nullopt : parse_line(rest.substr(0, end));
        if (!binding || bindings.size() == kMostBindings) {
            return damaged("a line that is no binding");
        }
        bindings.push_back(std::move(*binding));
        rest.remove_prefix(end + 1);
    }
    return bindings;
}

Result<std::vector<StoredBinding>> load_bindings(const std::string& path, std::string_view name) {
    const auto content = disk::read_small(path, kMostFileBytes);
    if (!content) {
        if (content.error().sys_errno == ENOENT) {
            return std::vector<StoredBinding>();
        }
        return std::unexpected(content.error());
    }
    return parse_bindings({reinterpret_cast<const char*>(content->data()), content->size()}, name);
}

}  // namespace eg::device
