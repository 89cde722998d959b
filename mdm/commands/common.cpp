#include "mdm/commands/common.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

namespace eg::mdm {
namespace {

constexpr Milliseconds kAdministratorWaits{60'000};
constexpr off_t kLargestFile = off_t{1} << 30;

Failure unreadable(const std::string& file) {
    return {FailureKind::missing, fmt::format("can't read {}: {}", file, std::strerror(errno))};
}

}  // namespace

Outcome<Config> load_config(const std::string& file) {
    const Result<ConfigRead> read = read_config_file(file);
    if (!read) {
        return failed(
            FailureKind::missing,
            fmt::format("can't read the configuration file {}: {}; name it with --config FILE",
                        file, std::strerror(read.error().sys_errno)));
    }
    const std::string problems = config::render(read->problems, read->source);
    if (config::has_errors(read->problems)) {
        return failed(FailureKind::invalid,
                      fmt::format("the configuration has errors\n{}", problems));
    }
    fmt::print(stderr, "{}", problems);
    return read->config;
}

Outcome<Database> open_database(const std::string& config_file) {
    const Outcome<Config> config = load_config(config_file);
    if (!config) {
        return std::unexpected(config.error());
    }
    return Database::open(config->database, kAdministratorWaits);
}

int report(const Failure& failure) {
    fmt::print(stderr, "easgate-mdm: {}{}", failure.text, failure.text.ends_with('\n') ? "" : "\n");
    return kFailure;
}

bool print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
        std::fflush(stdout) == 0) {
        return true;
    }
    fmt::print(stderr, "easgate-mdm: can't write the output: {}\n", std::strerror(errno));
    return false;
}

Outcome<std::string> read_text_file(const std::string& file) {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return std::unexpected(unreadable(file));
    }
    struct stat facts{};
    Outcome<std::string> text;
    if (::fstat(fd, &facts) != 0) {
        text = std::unexpected(unreadable(file));
    } else if (!S_ISREG(facts.st_mode) || facts.st_size > kLargestFile) {
        text = failed(FailureKind::invalid, fmt::format("{} isn't a file of at most 1 GiB", file));
    } else {
        text->reserve(static_cast<std::size_t>(facts.st_size));
        std::array<char, 65536> piece;
        ssize_t got = 0;
        while (text && (got = ::read(fd, piece.data(), piece.size())) != 0) {
            if (got < 0) {
                text = std::unexpected(unreadable(file));
            } else {
                text->append(piece.data(), static_cast<std::size_t>(got));
            }
        }
    }
    ::close(fd);
    return text;
}

}  // namespace eg::mdm
