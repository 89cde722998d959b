/// What a device id is bound to, and the file in which that survives a restart.
///
/// `state_file` with `bindings` in place of `state_file`'s purpose: `devices.state` becomes
/// `devices.bindings.NAME`. The file is replaced as a whole: kBindingsMagic, NAME and a line feed,
/// one line of JSON a binding, `sum` and the SHA-256 of all before it in hexadecimal.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/error.h"
#include "proxy/base/small_text.h"
#include "proxy/device/record.h"

namespace eg::device {

struct Binding {
    ShortText user;              // "" = to no user
    std::optional<KeyHash> key;  // of the client certificate
};

/// A binding as it is stored and listed.
struct StoredBinding {
    std::string id;  // canonical_id()
    std::string user;
    std::optional<KeyHash> key;
    std::int64_t since = 0;  // seconds since 1970
};

enum class Bound : std::uint8_t { no, yes, unknown };  // unknown: the file is damaged
/// Finds the binding of a device that was listed as `id`.
using FindBinding = std::function<Bound(std::string_view id, Binding& found)>;

inline constexpr std::string_view kBindingsMagic = "easgate bindings 1 ";
/// No file has more bindings than this.
inline constexpr std::size_t kMostBindings = 1'000'000;

[[nodiscard]] std::string bindings_path(const std::string& state_file, const std::string& name);
[[nodiscard]] std::string write_bindings(std::span<const StoredBinding> bindings,
                                         std::string_view name);
/// Errors: malformed for whatever write_bindings() doesn't write: then nothing of it counts.
[[nodiscard]] Result<std::vector<StoredBinding>> parse_bindings(std::string_view content,
                                                                std::string_view name);
/// Empty where there is no file.
[[nodiscard]] Result<std::vector<StoredBinding>> load_bindings(const std::string& path,
                                                               std::string_view name);

}  // namespace eg::device
