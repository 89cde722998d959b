// Each file of config/ is a case: YAML, a line `==== expected ====`, then what comes of it: the
// problems as administrators see them, and the effective configuration if none of them is an error.
// UPDATE_GOLDEN=1 in the environment writes what comes out into the files; review the change then.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "proxy/config/print.h"
#include "proxy/config/read.h"

namespace {

namespace fs = std::filesystem;
constexpr std::string_view kSeparator = "==== expected ====\n";

std::string contents(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<fs::path> cases() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(EASGATE_TESTS_DIR "/golden/config")) {
        if (entry.path().extension() == ".txt") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::string outcome(const std::string& yaml) {
    auto read = eg::config::read_text(yaml, "/etc/easgate/easgate.yaml");
    if (!read.positions.contains("node.name")) {
        read.config.node.name = "HOST";  // differs from machine to machine
    }
    std::string out = eg::config::render(read.problems, read.source);
    if (!eg::config::has_errors(read.problems)) {
        out += eg::config::print(read.config);
    }
    return out;
}

}  // namespace

TEST_CASE("configuration files give what their golden file says") {
    const bool update = std::getenv("UPDATE_GOLDEN") != nullptr;
    const auto files = cases();
    REQUIRE(files.size() >= 40);
    for (const fs::path& file : files) {
        CAPTURE(file.filename().string());
        const std::string whole = contents(file);
        const std::size_t cut = whole.find(kSeparator);
        REQUIRE(cut != std::string::npos);
        const std::string yaml = whole.substr(0, cut);
        const std::string got = outcome(yaml);
        if (update) {
            std::ofstream(file, std::ios::binary) << yaml << kSeparator << got;
        } else {
            CHECK(got == whole.substr(cut + kSeparator.size()));
        }
    }
}

TEST_CASE("what is printed reads back as the same configuration") {
    for (const fs::path& file : cases()) {
        CAPTURE(file.filename().string());
        const std::string whole = contents(file);
        const auto first = eg::config::read_text(whole.substr(0, whole.find(kSeparator)),
                                                 "/etc/easgate/easgate.yaml");
        if (eg::config::has_errors(first.problems)) {
            continue;
        }
        const std::string printed = eg::config::print(first.config);
        const auto again = eg::config::read_text(printed, "/etc/easgate/easgate.yaml");
        CHECK(eg::config::render(again.problems, again.source).find("error") == std::string::npos);
        CHECK(eg::config::print(again.config) == printed);
    }
}
