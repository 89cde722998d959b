#include "proxy/log/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include <doctest/doctest.h>

#include "proxy/log/stamp.h"

using namespace eg;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

class Folder {
  public:
    Folder() {
        std::string name = fs::temp_directory_path() / "easgate-log-XXXXXX";
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    fs::path path;
};

std::string today() {
    std::string stamp;
    log::append_stamp(stamp, std::chrono::system_clock::now());
    return stamp.substr(0, log::kDateLength);
}

std::string read(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

/// All files of the folder, one after the other.
std::string read_all(const fs::path& folder) {
    std::string text;
    for (const auto& entry : fs::directory_iterator(folder)) {
        text += read(entry.path());
    }
    return text;
}

bool eventually(const std::function<bool()>& check, std::chrono::milliseconds patience = 5s) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
        if (check()) {
            return true;
        }
        std::this_thread::sleep_for(5ms);
    }
    return check();
}

log::Settings settings(const fs::path& directory) {
    log::Settings result;
    result.directory = directory;
    result.node = "node-1";
    return result;
}

std::string line(std::string_view date, std::string_view text) {
    return fmt::format("{}T12:00:00.000+00:00 info node-1 test {}\n", date, text);
}

void submit(log::Log& log, std::string lines) {
    const auto count = static_cast<std::size_t>(std::ranges::count(lines, '\n'));
    log.submit(lines, count);
    CHECK(lines.empty());
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("events are on disk within a second, in a file named by the date") {
    const Folder folder;
    log::Log log(settings(folder.path));
    log.event(log::Level::warning, "feed", "no contact with {}", "mdm");
    const fs::path file = folder.path / ("EASProxy.log." + today());
    CHECK(eventually(
        [&] { return read(file).ends_with(" warning node-1 feed no contact with mdm\n"); }, 1s));
    CHECK((fs::status(file).permissions() & fs::perms::others_all) == fs::perms::none);
    CHECK(eventually([&] { return log.counts().lines == 1; }));
}

TEST_CASE("events below the level are dropped, and the level can change") {
    const Folder folder;
    {
        log::Log log(settings(folder.path));
        CHECK_FALSE(log.enabled(log::Level::debug));
        log.event(log::Level::debug, "a", "first");
        log::Settings more = settings(folder.path);
        more.level = log::Level::debug;
        log.change(more);
        log.event(log::Level::debug, "a", "second");
    }
    const std::string text = read_all(folder.path);
    CHECK_FALSE(contains(text, "first"));
    CHECK(contains(text, "second"));
}

TEST_CASE("events can't be forged into two lines; JSON events are objects") {
    const Folder folder;
    {
        log::Settings json = settings(folder.path);
        json.format = log::Format::json;
        log::Log log(json);
        log.event(log::Level::error, "a", "x\n\"y\"");
    }
    const std::string text = read_all(folder.path);
    CHECK(text.ends_with(R"(","kind":"event","level":"error","node":"node-1","area":"a",)"
                         R"("message":"x\u000A\"y\""})"
                         "\n"));
    CHECK(std::ranges::count(text, '\n') == 1);
}

TEST_CASE("a sink batches access lines and follows a change of format") {
    const Folder folder;
    {
        log::Log log(settings(folder.path));
        log::LogSink sink(log);
        log::AccessRecord record;
        record.begin = std::chrono::system_clock::now();
        record.instance = "mail";
        CHECK(sink.empty());
        sink.access(record);
        CHECK_FALSE(sink.empty());
        log::Settings json = settings(folder.path);
        json.format = log::Format::json;
        log.change(json);
        sink.access(record);
        sink.flush();
        CHECK(sink.empty());
        CHECK(eventually([&] { return log.counts().lines == 2; }, 1s));
        sink.access(record);  // flushed by the end of the sink
    }
    const std::string text = read_all(folder.path);
    CHECK(std::ranges::count(text, '\n') == 3);
    CHECK(contains(text, " access node-1 mail "));
    CHECK(contains(text, R"("kind":"access","node":"node-1","instance":"mail")"));
}

TEST_CASE("a line goes into the file of its own date, in both formats") {
    const Folder folder;
    {
        log::Log log(settings(folder.path));
        submit(log, line("2026-01-01", "a") + line("2026-01-01", "b") + line("2026-01-02", "c"));
        submit(log, line("2026-01-01", "d"));
        submit(log, "{\"time\":\"2026-01-03T00:00:00.000+00:00\"}\n");
    }
    CHECK(read(folder.path / "EASProxy.log.2026-01-01") ==
          line("2026-01-01", "a") + line("2026-01-01", "b") + line("2026-01-01", "d"));
    CHECK(read(folder.path / "EASProxy.log.2026-01-02") == line("2026-01-02", "c"));
    CHECK(read(folder.path / "EASProxy.log.2026-01-03") ==
          "{\"time\":\"2026-01-03T00:00:00.000+00:00\"}\n");
}

TEST_CASE("a renamed or deleted file is made again, with and without reopen()") {
    const Folder folder;
    const fs::path file = folder.path / "EASProxy.log.2026-01-01";
    log::Log log(settings(folder.path));
    submit(log, line("2026-01-01", "first"));
    REQUIRE(eventually([&] { return contains(read(file), "first"); }));
    fs::rename(file, folder.path / "moved");
    SUBCASE("told") {
        log.reopen();
    }
    SUBCASE("untold") {}
    submit(log, line("2026-01-01", "second"));
    CHECK(eventually([&] { return read(file) == line("2026-01-01", "second"); }));
    CHECK(read(folder.path / "moved") == line("2026-01-01", "first"));
    CHECK(log.counts().lost == 0);
}

TEST_CASE("a folder that is gone loses lines, is counted, and writing resumes by itself") {
    const Folder folder;
    const fs::path directory = folder.path / "log";
    log::Log log(settings(directory));
    submit(log, line("2026-01-01", "lost") + line("2026-01-01", "lost"));
    CHECK(eventually([&] { return log.counts().lost == 2; }));
    CHECK(log.counts().write_errors == 1);
    CHECK(log.counts().lines == 0);
    CHECK_FALSE(fs::exists(directory));
    fs::create_directory(directory);
    submit(log, line("2026-01-01", "kept"));
    CHECK(eventually([&] { return log.counts().lines == 2; }));  // and the line that tells of it
    CHECK(read(directory / "EASProxy.log.2026-01-01") == line("2026-01-01", "kept"));
    CHECK(read_all(directory).find(" warning node-1 log 2 lines were lost: No such file or "
                                   "directory\n") != std::string::npos);
    CHECK(log.counts().lost == 2);
}

TEST_CASE("a full device loses lines and never blocks") {
    const Folder folder;
    fs::create_symlink("/dev/full", folder.path / "EASProxy.log.2026-01-01");
    const auto begin = std::chrono::steady_clock::now();
    {
        log::Log log(settings(folder.path));
        submit(log, line("2026-01-01", "x"));
        CHECK(eventually([&] { return log.counts().lost == 1; }));
        CHECK(log.counts().write_errors == 1);
        fs::remove(folder.path / "EASProxy.log.2026-01-01");
        submit(log, line("2026-01-01", "y"));
        CHECK(eventually([&] {
            return read(folder.path / "EASProxy.log.2026-01-01") == line("2026-01-01", "y");
        }));
    }
    CHECK(std::chrono::steady_clock::now() - begin < 5s);
}

TEST_CASE("a FIFO of that name blocks nobody") {
    const Folder folder;
    REQUIRE(mkfifo((folder.path / "EASProxy.log.2026-01-01").c_str(), 0600) == 0);
    const auto begin = std::chrono::steady_clock::now();
    {
        log::Log log(settings(folder.path));
        for (int i = 0; i < 4000; ++i) {
            submit(log, line("2026-01-01", "x"));
        }
        CHECK(eventually([&] { return log.counts().lost > 0; }));
    }
    CHECK(std::chrono::steady_clock::now() - begin < 5s);
}

TEST_CASE("a line that an earlier write left cut is ended first") {
    const Folder folder;
    const fs::path file = folder.path / "EASProxy.log.2026-01-01";
    std::ofstream(file) << "2026-01-01T00:00:00 cut in the mid";
    {
        log::Log log(settings(folder.path));
        submit(log, line("2026-01-01", "whole"));
    }
    CHECK(read(file) == "2026-01-01T00:00:00 cut in the mid\n" + line("2026-01-01", "whole"));
}

TEST_CASE("what the queue has no room for is counted as lost") {
    const Folder folder;
    log::Settings small = settings(folder.path / "gone");
    small.queue_bytes = 1000;
    log::Log log(small);
    submit(log, line("2026-01-01", "the disk refuses for a second from here"));
    REQUIRE(eventually([&] { return log.counts().lost == 1; }));
    fs::create_directory(folder.path / "gone");
    const std::string one = line("2026-01-01", std::string(400, 'x'));
    submit(log, one);
    submit(log, one);
    submit(log, one);
    CHECK(eventually([&] { return log.counts().lost == 2; }));
    CHECK(
        eventually([&] { return contains(read_all(folder.path / "gone"), "2 lines were lost"); }));
    CHECK(read(folder.path / "gone" / "EASProxy.log.2026-01-01") == one + one);
}

TEST_CASE("an event that repeats itself is left out, and that is told") {
    const Folder folder;
    log::Log log(settings(folder.path));
    for (int i = 0; i < 500; ++i) {
        log.event(log::Level::warning, "tls", "again {}", i);
    }
    CHECK(eventually(
        [&] { return contains(read_all(folder.path), "messages of this kind were left out"); }));
    CHECK(log.counts().omitted > 0);
    CHECK(log.counts().lines + log.counts().omitted >= 500);
    CHECK(log.counts().lost == 0);
}

TEST_CASE("many threads lose nothing and mix no lines") {
    const Folder folder;
    constexpr int kThreads = 4;
    constexpr int kLines = 2000;
    {
        log::Log log(settings(folder.path));
        std::array<std::thread, kThreads> threads;
        for (std::thread& thread : threads) {
            thread = std::thread([&log] {
                log::LogSink sink(log);
                log::AccessRecord record;
                record.begin = std::chrono::system_clock::now();
                record.instance = "mail";
                record.user_agent = "a user agent";
                for (int i = 0; i < kLines; ++i) {
                    sink.access(record);
                    if (i % 100 == 0) {
                        log.reopen();
                    }
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
    }
    std::istringstream text(read_all(folder.path));
    int lines = 0;
    for (std::string one; std::getline(text, one); ++lines) {
        REQUIRE(one.ends_with(" \"a user agent\" refuse - 0 0 0 0 0"));
    }
    CHECK(lines == kThreads * kLines);
}
