#include "proxy/config/source.h"

#include <algorithm>

#include <fmt/format.h>

#include "proxy/base/text.h"
#include "proxy/config/section.h"

namespace eg::config {

namespace {

void report(Problems& problems, int line, std::string_view text, std::size_t byte,
            std::string message) {
    Problem problem;
    problem.line = line;
    problem.column = character_column(text, static_cast<int>(byte) + 1);
    problem.message = std::move(message);
    problems.push_back(std::move(problem));
}

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
}

void check_line(std::string_view line, int number, bool in_prologue, Problems& problems) {
    const std::size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return;
    }
    const std::size_t tab = line.substr(0, first).find('\t');
    if (tab != std::string_view::npos && line[first] != '#') {
        report(problems, number, line, tab,
               "a tab before the text; YAML is indented by spaces only");
    }
    if (line[0] == '%' && !in_prologue) {
        report(problems, number, line, 0,
               "a directive inside the document; put a text that starts with % into quotes");
    }
    const auto control = std::find_if(line.begin(), line.end(), is_control);
    if (control != line.end()) {
        report(problems, number, line, static_cast<std::size_t>(control - line.begin()),
               fmt::format("control character 0x{:02X}; only printable text is accepted",
                           static_cast<unsigned char>(*control)));
    }
    if (!is_utf8(line)) {
        report(problems, number, line, 0, "bytes that are not UTF-8; save the file as UTF-8");
    }
}

}  // namespace

void check_source(std::string_view text, Problems& problems) {
    if (text.size() > kMaxSourceBytes) {
        report(problems, 0, {}, 0,
               fmt::format("the file is larger than {} bytes; this is no configuration file",
                           kMaxSourceBytes));
        return;
    }
    bool in_prologue = true;  // directives may stand before the document only
    int number = 0;
    while (!text.empty() && problems.size() < kMaxProblems) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (end != std::string_view::npos && !line.empty() && line.back() == '\r') {
            line.remove_suffix(1);
        }
        check_line(line, ++number, in_prologue, problems);
        const bool ends_prologue = !line.empty() && line[0] != '%' && line[0] != '#';
        in_prologue = in_prologue && !ends_prologue;
    }
}

std::string_view line_of(std::string_view text, int line) {
    for (int number = 1; number < line; ++number) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) {
            return {};
        }
        text.remove_prefix(end + 1);
    }
    std::string_view found = text.substr(0, text.find('\n'));
    if (!found.empty() && found.back() == '\r') {
        found.remove_suffix(1);
    }
    return found;
}

int character_column(std::string_view line, int byte_column) {
    const auto bytes =
        std::min(static_cast<std::size_t>(std::max(byte_column - 1, 0)), line.size());
    const auto before = line.substr(0, bytes);
    const auto characters = std::count_if(before.begin(), before.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;  // not a continuation byte
    });
    return static_cast<int>(characters) + 1;
}

}  // namespace eg::config
