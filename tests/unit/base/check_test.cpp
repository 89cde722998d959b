#include "proxy/base/check.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include <doctest/doctest.h>

namespace {

// What a process that checks `condition` leaves: its wait status and its standard error.
struct Ending {
    int status = 0;
    std::string text;
};

Ending check_in_child(bool condition) {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);  // not the test program's own handler
        dup2(ends[1], STDERR_FILENO);
        EG_CHECK(condition);
        _exit(0);
    }
    close(ends[1]);
    Ending ending;
    std::array<char, 512> buffer{};
    for (ssize_t size = 0; (size = read(ends[0], buffer.data(), buffer.size())) > 0;) {
        ending.text.append(buffer.data(), static_cast<std::size_t>(size));
    }
    close(ends[0]);
    REQUIRE(waitpid(child, &ending.status, 0) == child);
    return ending;
}

}  // namespace

TEST_CASE("a broken expectation aborts and says where") {
    const Ending broken = check_in_child(false);
    CHECK(WIFSIGNALED(broken.status));
    CHECK(WTERMSIG(broken.status) == SIGABRT);
    CHECK(broken.text.find("check_test.cpp:") != std::string::npos);
    CHECK(broken.text.find("condition") != std::string::npos);
    const Ending kept = check_in_child(true);
    CHECK(WIFEXITED(kept.status));
    CHECK(kept.text.empty());
}
