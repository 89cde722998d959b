// Loaded ahead of the C library by bench/syscalls.py: counts the system calls of the request path
// as they are made, and writes the counts to the file that EASGATE_BENCH_CALLS names when the
// program ends. Under strace each call takes so much longer that data and events come in another
// order, and other calls are made.

#include <dlfcn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace {

enum Call : std::size_t { kRecv, kSend, kSendmsg, kRead, kWrite, kEpollWait, kEpollCtl, kCalls };
constexpr std::array<const char*, kCalls> kNames = {"recv",  "send",       "sendmsg",  "read",
                                                    "write", "epoll_wait", "epoll_ctl"};

std::array<std::atomic<unsigned long>, kCalls> counts;
std::atomic<unsigned long> in_vain;  // of them, a recv() that had to wait

/// Counts, and finds the function of the C library.
template <Call call, typename Function>
Function* counted() {
    static auto* const real = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, kNames[call]));
    counts[call].fetch_add(1, std::memory_order_relaxed);
    return real;
}

struct Report {
    ~Report() {
        const char* const name = std::getenv("EASGATE_BENCH_CALLS");
        std::FILE* const file = name == nullptr ? nullptr : std::fopen(name, "w");
        if (file == nullptr) {
            return;
        }
        std::fprintf(file, "{\"recv_in_vain\": %lu", in_vain.load());
        for (std::size_t i = 0; i < kCalls; ++i) {
            std::fprintf(file, ", \"%s\": %lu", kNames[i], counts[i].load());
        }
        std::fprintf(file, "}\n");
        std::fclose(file);
    }
};
const Report report;

}  // namespace

extern "C" {

ssize_t recv(int fd, void* into, std::size_t bytes, int flags) {
    const ssize_t got = counted<kRecv, decltype(::recv)>()(fd, into, bytes, flags);
    if (got < 0 && errno == EAGAIN) {
        in_vain.fetch_add(1, std::memory_order_relaxed);
    }
    return got;
}

ssize_t send(int fd, const void* from, std::size_t bytes, int flags) {
    return counted<kSend, decltype(::send)>()(fd, from, bytes, flags);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    return counted<kSendmsg, decltype(::sendmsg)>()(fd, message, flags);
}

ssize_t read(int fd, void* into, std::size_t bytes) {
    return counted<kRead, decltype(::read)>()(fd, into, bytes);
}

ssize_t write(int fd, const void* from, std::size_t bytes) {
    return counted<kWrite, decltype(::write)>()(fd, from, bytes);
}

int epoll_wait(int fd, epoll_event* events, int most, int wait_ms) {
    return counted<kEpollWait, decltype(::epoll_wait)>()(fd, events, most, wait_ms);
}

int epoll_ctl(int fd, int operation, int of, epoll_event* event) {
    return counted<kEpollCtl, decltype(::epoll_ctl)>()(fd, operation, of, event);
}

}  // extern "C"
