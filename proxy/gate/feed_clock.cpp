#include "proxy/gate/feed_clock.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <string_view>

#include "proxy/base/check.h"
#include "proxy/base/text.h"

namespace eg::gate {

namespace {

using BootId = decltype(device::Moment::boot);

/// From 32 hexadecimal digits and hyphens, as the kernel writes a UUID; zeros if it isn't that.
BootId parse_boot_id(std::string_view text) {
    BootId id{};
    std::size_t digits = 0;
    for (const char c : text) {
        const int value = hex_value(c);
        if (value >= 0 && digits < 2 * id.size()) {
            unsigned char& byte = id[digits / 2];
            byte = static_cast<unsigned char>(byte << 4 | value);
            ++digits;
        }
    }
    return digits == 2 * id.size() ? id : BootId{};
}

BootId read_boot_id() {
    std::array<char, 64> text{};
    const int file = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return {};
    }
    const ssize_t size = ::read(file, text.data(), text.size());
    ::close(file);
    return size <= 0 ? BootId{} : parse_boot_id({text.data(), static_cast<std::size_t>(size)});
}

std::int64_t clock_ms(clockid_t clock) {
    timespec time{};
    EG_CHECK(clock_gettime(clock, &time) == 0);
    return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

}  // namespace

device::Moment read_clocks() {
    return {read_boot_id(), clock_ms(CLOCK_BOOTTIME), clock_ms(CLOCK_REALTIME)};
}

}  // namespace eg::gate
