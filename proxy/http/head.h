/// The heads of HTTP/1.1 messages, as views into the buffer that they were parsed from.
///
/// A head is valid as long as that buffer; it never outlives the turn of the loop that parsed it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace eg::http {

enum class Method : std::uint8_t { options, post, get, head, put, remove, other };

/// Fields that the program itself reads or writes; all others are `other`.
enum class FieldName : std::uint8_t {
    other,
    accept_encoding,
    authorization,
    connection,
    content_encoding,
    content_length,
    content_type,
    cookie,
    expect,
    host,
    keep_alive,
    ms_asprotocolversion,
    proxy_connection,
    set_cookie,
    te,
    trailer,
    transfer_encoding,
    upgrade,
    user_agent,
    www_authenticate,
    x_ms_policykey,
    x_request_id,
};
inline constexpr std::size_t kFieldNames = static_cast<std::size_t>(FieldName::x_request_id) + 1;

struct Field {
    std::string_view name;   // as sent
    std::string_view value;  // without the optional white space around it
    FieldName id = FieldName::other;
};

/// The field section of a message, in the order of the wire.
class Fields {
  public:
    /// Empty again, with room for a usual head, so that filling it allocates once in its life.
    void clear() {
        list_.clear();
        list_.reserve(kUsualCount);
        present_ = 0;
    }
    void add(const Field& field) {
        list_.push_back(field);
        present_ |= bit(field.id);
    }
    /// Whether find() would find one. Cost: a bit test.
    [[nodiscard]] bool has(FieldName id) const { return (present_ & bit(id)) != 0; }
    [[nodiscard]] std::size_t size() const { return list_.size(); }
    [[nodiscard]] auto begin() const { return list_.begin(); }
    [[nodiscard]] auto end() const { return list_.end(); }

    /// The first field of that name, or null. Cost: linear.
    [[nodiscard]] const Field* find(FieldName id) const;
    /// By name without regard to case, for fields that have no FieldName.
    [[nodiscard]] const Field* find(std::string_view name) const;
    /// The value of the first field of that name, or "".
    [[nodiscard]] std::string_view value(FieldName id) const;
    [[nodiscard]] std::size_t count(FieldName id) const;

  private:
    static constexpr std::size_t kUsualCount = 32;
    static constexpr std::uint32_t bit(FieldName id) {
        static_assert(kFieldNames <= 32);
        return std::uint32_t{1} << static_cast<unsigned>(id);
    }
    std::vector<Field> list_;  // keeps its capacity from head to head
    std::uint32_t present_ = 0;
};

struct RequestHead {
    Method method = Method::other;
    std::uint8_t minor_version = 1;  // HTTP/1.0 or HTTP/1.1, nothing else parses
    bool has_query = false;          // a '?' stands in the target, even if nothing follows it
    std::string_view method_text;
    std::string_view target;  // as sent
    std::string_view path;    // of the target, not decoded: begins with '/'; "*" in OPTIONS *
    std::string_view query;   // after the first '?', not decoded
    std::string_view host;    // of the Host field, a valid host[:port]; "" only in HTTP/1.0
    Fields fields;
};

struct ResponseHead {
    std::uint8_t minor_version = 1;
    std::uint16_t status = 0;  // 100 to 599
    std::string_view reason;
    Fields fields;
};

/// The FieldName of a field name in any letter case.
[[nodiscard]] FieldName field_name(std::string_view name);

}  // namespace eg::http
