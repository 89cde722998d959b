#include "proxy/gate/clocks.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <string_view>

#include "proxy/base/text.h"

namespace eg::gate {
namespace {

std::int64_t read_ms(clockid_t clock) {
    std::timespec time{};
    clock_gettime(clock, &time);
    return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

/// 32 hexadecimal digits and hyphens, as the kernel writes a UUID; zeros if it isn't that.
std::array<unsigned char, 16> parse_boot_id(std::string_view text) {
    std::array<unsigned char, 16> id{};
    std::size_t digits = 0;
    for (const char c : text) {
        const int value = hex_value(c);
        if (value >= 0 && digits < 2 * id.size()) {
            unsigned char& byte = id.at(digits / 2);
            byte = static_cast<unsigned char>(byte << 4 | value);
            ++digits;
        }
    }
    return digits == 2 * id.size() ? id : std::array<unsigned char, 16>{};
}

std::array<unsigned char, 16> read_boot_id() {
    const int fd = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return {};
    }
    std::array<char, 64> text{};
    const ssize_t n = ::read(fd, text.data(), text.size());
    ::close(fd);
    return n <= 0 ? std::array<unsigned char, 16>{}
                  : parse_boot_id({text.data(), static_cast<std::size_t>(n)});
}

}  // namespace

device::Moment read_clocks() {
    return {.boot = read_boot_id(),
            .boottime_ms = read_ms(CLOCK_BOOTTIME),
            .wall_ms = read_ms(CLOCK_REALTIME)};
}

}  // namespace eg::gate
