/// The key under which a table finds an id: the canonical form and its hash, without an allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace eg::device {

/// SipHash-1-3 (Aumasson and Bernstein 2012, with the rounds that hash tables use) under a key that
/// is drawn at random once a process, so that a stranger can't choose ids that collide.
[[nodiscard]] std::uint64_t keyed_hash(std::string_view bytes);

/// Lives on the stack during one look-up; neither copies nor moves, since text() may point into it.
/// The id itself must live as long.
class IdKey {
  public:
    /// Ids of up to so many bytes need no allocation.
    static constexpr std::size_t kShort = 255;

    enum class Spelling : unsigned char {
        canonical,  // as canonical_id() says
        hex,        // the upper-case hexadecimal of the bytes as they are, also of a text id
    };
    explicit IdKey(std::string_view id, Spelling spelling = Spelling::canonical);
    IdKey(const IdKey&) = delete;
    IdKey& operator=(const IdKey&) = delete;

    [[nodiscard]] std::string_view id() const { return id_; }
    /// Whether the id consists of letters and digits.
    [[nodiscard]] bool is_text() const { return is_text_; }
    [[nodiscard]] std::string_view text() const { return {data_, size_}; }
    [[nodiscard]] std::uint64_t hash() const { return hash_; }

    /// Whether `id`, as it was listed, has this key. `is_text`: what is_text_id(id) says.
    [[nodiscard]] bool equals(std::string_view id, bool is_text) const;

  private:
    /// The id as text, or nothing done if it is none.
    [[nodiscard]] static bool write_text(std::string_view id, char* out);

    std::string_view id_;
    std::array<char, 2 * kShort>
        short_;  // deliberately not cleared: it would cost more than the hash
    std::string long_;
    const char* data_ = nullptr;
    std::size_t size_ = 0;
    std::uint64_t hash_ = 0;
    bool is_text_ = false;
};

}  // namespace eg::device
