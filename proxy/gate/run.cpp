#include "proxy/gate/run.h"

#include <malloc.h>

#include <csignal>
#include <memory>

#include <fmt/format.h>

#include "proxy/gate/gate.h"
#include "proxy/server/process.h"

namespace eg::gate {

int run_node(const std::string& config_path) {
    // Buffers and tables get pages of their own, and give them back: between the small things of
    // waiting connections they would leave holes that nothing else fills.
    constexpr int kOwnPagesFrom = 64 * 1024;
    mallopt(M_MMAP_THRESHOLD, kOwnPagesFrom);
    server::block_signals();
    auto loaded = load(config_path, 1);
    if (!loaded) {
        for (const auto& line : loaded.error().lines) {
            fmt::print(stderr, "{}\n", line);
        }
        fmt::print(stderr, "easgate: not started\n");
        return loaded.error().unreadable ? 2 : 1;
    }
    Gate gate(std::move(*loaded));
    if (const auto started = gate.start(); !started) {
        fmt::print(stderr, "easgate: {}\n", started.error());
        return 1;
    }
    bool draining = false;
    for (;;) {
        switch (server::wait_for_signal(Milliseconds(draining ? 50 : 1000))) {
            case SIGHUP:
                if (!draining) {
                    gate.reload();
                }
                break;
            case SIGUSR1:
                gate.reopen_logs();
                break;
            case SIGTERM:
            case SIGINT:
                if (draining) {
                    return 0;  // the second one: at once
                }
                draining = true;
                gate.begin_drain();
                break;
            default:
                break;
        }
        if (draining && gate.drain_step()) {
            return 0;
        }
    }
}

}  // namespace eg::gate
