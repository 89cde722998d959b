/// NTLM messages as a client sends them, as far as tests of the names in them need
/// ([MS-NLMP] 2.2.1).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace eg::test {

inline std::string little_endian(std::size_t value, std::size_t count) {
    std::string bytes;
    for (; count > 0; --count, value >>= 8) {
        bytes += static_cast<char>(value & 0xFF);
    }
    return bytes;
}

inline std::string ntlm_type1() {
    return std::string("NTLMSSP\0", 8) + little_endian(1, 4) + little_endian(0xA2088207, 4) +
           std::string(16, '\0');
}

struct NtlmNames {
    std::u16string domain{};
    std::u16string user{};
    bool unicode = true;  // else each character is one byte
};

inline std::string ntlm_text(std::u16string_view text, bool unicode) {
    std::string bytes;
    for (const char16_t c : text) {
        bytes += little_endian(c, unicode ? 2 : 1);
    }
    return bytes;
}

inline std::string ntlm_type3(const NtlmNames& names) {
    const std::string domain = ntlm_text(names.domain, names.unicode);
    const std::string user = ntlm_text(names.user, names.unicode);
    constexpr std::size_t kPayloadAt = 64;
    const auto part = [](std::size_t size, std::size_t at) {
        return little_endian(size, 2) + little_endian(size, 2) + little_endian(at, 4);
    };
    const std::size_t end = kPayloadAt + domain.size() + user.size();
    return std::string("NTLMSSP\0", 8) + little_endian(3, 4) + part(0, end) + part(0, end) +
           part(domain.size(), kPayloadAt) + part(user.size(), kPayloadAt + domain.size()) +
           part(0, end) + part(0, end) + little_endian(names.unicode ? 1 : 2, 4) + domain + user;
}

}  // namespace eg::test
