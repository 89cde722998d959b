#include "proxy/config/problem.h"

#include <algorithm>

#include <fmt/format.h>

#include "proxy/base/text.h"
#include "proxy/config/source.h"

namespace eg::config {

namespace {

constexpr std::size_t kWidest = 160;  // bytes of a line that are shown

/// Whether a key holds a secret itself, misspelt or not, and not the name of a file with one.
bool is_secret(std::string_view key) {
    const std::string small = lower(key);
    if (small.ends_with("_file")) {
        return false;
    }
    const std::string_view last = std::string_view(small).substr(small.find_last_of("_-") + 1);
    return small.find("pass") != std::string::npos || small.find("secret") != std::string::npos ||
           edit_distance(last.substr(0, 16), "password") <= 3;
}

/// What may be shown of a line: nothing behind a key that holds a secret, nothing of a URL's user
/// part.
std::string without_secrets(std::string_view line) {
    std::size_t word = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == ':' && is_secret(line.substr(word, i - word))) {
            return std::string(line.substr(0, i)) + ": …";
        }
        if (!is_alnum(line[i]) && line[i] != '_' && line[i] != '-') {
            word = i + 1;
        }
    }
    const std::size_t scheme = line.find("://");
    const std::size_t user = scheme == std::string_view::npos ? scheme : line.rfind('@');
    if (user != std::string_view::npos && user > scheme) {
        return fmt::format("{}…{}", line.substr(0, scheme + 3), line.substr(user));
    }
    return std::string(line);
}

/// The line cut to a width that a terminal shows, at a character's border.
std::string cut(std::string line) {
    if (line.size() <= kWidest) {
        return line;
    }
    line.resize(kWidest);
    while (!line.empty() && !is_utf8(line)) {
        line.pop_back();
    }
    return line + "…";
}

std::string printable(std::string line) {
    std::replace_if(
        line.begin(), line.end(),
        [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F; },
        '?');
    return is_utf8(line) ? line : std::string();
}

}  // namespace

bool has_errors(const Problems& problems) {
    return std::any_of(problems.begin(), problems.end(),
                       [](const Problem& p) { return p.severity == Severity::error; });
}

std::string render(const Problem& problem, const std::string& source) {
    std::string out = problem.file;
    if (problem.line > 0) {
        out += fmt::format(":{}:{}", problem.line, problem.column);
    }
    out += problem.severity == Severity::error ? ": error: " : ": warning: ";
    out +=
        problem.key.empty() ? problem.message : fmt::format("{}: {}", problem.key, problem.message);
    out += '\n';
    const std::string raw(problem.line > 0 ? line_of(source, problem.line) : std::string_view());
    const std::string line = printable(cut(without_secrets(raw)));
    if (line.empty()) {
        return out;
    }
    const std::string number = std::to_string(problem.line);
    out += fmt::format("  {} | {}\n", number, line);
    if (line != raw) {
        return out;  // the caret would stand below something else
    }
    // Tabs are repeated below themselves, so that the caret stands right whatever their width.
    std::string indent;
    for (const char c : line) {
        if (static_cast<int>(indent.size()) + 1 >= problem.column) {
            break;
        }
        if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {
            indent += c == '\t' ? '\t' : ' ';
        }
    }
    return out + fmt::format("  {:{}} | {}^\n", "", number.size(), indent);
}

std::string render(const Problems& problems, const std::string& source) {
    std::string out;
    for (const Problem& problem : problems) {
        out += render(problem, source);
    }
    return out;
}

}  // namespace eg::config
