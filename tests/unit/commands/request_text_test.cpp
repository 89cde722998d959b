#include "proxy/commands/request_text.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

using eg::commands::request_text;

namespace {

class TemporaryFile {
  public:
    explicit TemporaryFile(const std::string& text) {
        path_ = std::filesystem::temp_directory_path() /
                ("easgate-request-" + std::to_string(getpid()));
        std::ofstream(path_, std::ios::binary) << text;
    }
    ~TemporaryFile() { std::filesystem::remove(path_); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    [[nodiscard]] std::string argument() const { return "@" + path_.string(); }

  private:
    std::filesystem::path path_;
};

std::string from_file(const std::string& text, const std::vector<std::string>& headers = {}) {
    const TemporaryFile file(text);
    return request_text(file.argument(), headers).value();
}

}  // namespace

TEST_CASE("a request line gets its headers, a Host and its end") {
    CHECK(request_text("POST / HTTP/1.1", {}).value() ==
          "POST / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(request_text("POST / HTTP/1.1", {"User-Agent: x", "hOsT: mail"}).value() ==
          "POST / HTTP/1.1\r\nUser-Agent: x\r\nhOsT: mail\r\n\r\n");
}

TEST_CASE("what is malformed stays so") {
    CHECK(request_text("POST  /", {"X : y"}).value() ==
          "POST  /\r\nHost: localhost\r\nX : y\r\n\r\n");
}

TEST_CASE("a whole head is taken as it is, with a body that follows") {
    CHECK(from_file("GET / HTTP/1.1\r\nHost: a\r\n\r\nbody") ==
          "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody");
    CHECK(from_file("GET / HTTP/1.1\r\n\r\n") == "GET / HTTP/1.1\r\n\r\n");
    CHECK(from_file("GET / HTTP/1.1\r\nA: b\n\r\n", {"C: d"}) ==
          "GET / HTTP/1.1\r\nA: b\n\r\nC: d\r\n\r\n");
}

TEST_CASE("a head that an editor saved gets the line ends of HTTP") {
    CHECK(from_file("GET / HTTP/1.1\nHost: a\n\nbody\n") ==
          "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\r\n");
    CHECK(from_file("GET / HTTP/1.1\nHost: a\n") == "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(from_file("GET / HTTP/1.1") == "GET / HTTP/1.1\r\n\r\n");
}

TEST_CASE("files that can't be read or are too large are told") {
    CHECK(request_text("@/nonexistent/file", {}).error() ==
          "can't read /nonexistent/file: No such file or directory");
    CHECK_FALSE(request_text("@/tmp", {}).has_value());
    const TemporaryFile large(std::string(200'000, 'x'));
    CHECK(request_text(large.argument(), {})
              .error()
              .ends_with("is larger than a request head may be"));
}
