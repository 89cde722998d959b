#include "proxy/commands/check_report.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>

#include "proxy/base/json.h"

namespace eg::commands {

namespace {

constexpr std::string_view name_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::ok:
            return "ok";
        case Outcome::warning:
            return "warning";
        case Outcome::failed:
            return "failed";
    }
    return "";
}

/// A text as JSON; bytes that are no UTF-8 (a path may hold any) become question marks.
json_t* text_value(const std::string& text) {
    json_t* value = json_stringn(text.data(), text.size());
    if (value != nullptr) {
        return value;
    }
    std::string ascii = text;
    std::replace_if(
        ascii.begin(), ascii.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; },
        '?');
    return json_stringn(ascii.data(), ascii.size());
}

std::string without_controls(std::string line) {
    std::replace_if(
        line.begin(), line.end(),
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
    return line;
}

}  // namespace

void CheckReport::add(Outcome outcome, std::string_view check, std::string subject,
                      std::string detail) {
    findings_.push_back(
        Finding{outcome, std::string(check), std::move(subject), std::move(detail)});
}

void CheckReport::add(const config::Problems& problems) {
    for (const config::Problem& problem : problems) {
        const bool warning = problem.severity == config::Severity::warning;
        add(warning ? Outcome::warning : Outcome::failed, "configuration",
            fmt::format("{}:{}:{}", problem.file, problem.line, problem.column),
            problem.key.empty() ? problem.message
                                : fmt::format("{}: {}", problem.key, problem.message));
    }
    problems_.insert(problems_.end(), problems.begin(), problems.end());
}

int CheckReport::count(Outcome outcome) const {
    return static_cast<int>(
        std::count_if(findings_.begin(), findings_.end(),
                      [&](const Finding& finding) { return finding.outcome == outcome; }));
}

std::string CheckReport::text() const {
    std::string out;
    for (const Finding& finding : findings_) {
        const std::string line =
            fmt::format("{:<7}  {:<13}  {}{}{}", name_of(finding.outcome), finding.check,
                        finding.subject, finding.detail.empty() ? "" : ": ", finding.detail);
        out += without_controls(line) + "\n";
    }
    const int warnings = count(Outcome::warning);
    return out + fmt::format("{} checks: {} ok, {} {}, {} failed\n", findings_.size(),
                             count(Outcome::ok), warnings, warnings == 1 ? "warning" : "warnings",
                             count(Outcome::failed));
}

std::string CheckReport::json() const {
    json_t* checks = json_array();
    for (const Finding& finding : findings_) {
        json_t* object = json_object();
        json_object_set_new(object, "outcome", text_value(std::string(name_of(finding.outcome))));
        json_object_set_new(object, "check", text_value(finding.check));
        json_object_set_new(object, "subject", text_value(finding.subject));
        json_object_set_new(object, "detail", text_value(finding.detail));
        json_array_append_new(checks, object);
    }
    json_t* problems = json_array();
    for (const config::Problem& problem : problems_) {
        json_t* object = json_object();
        const bool warning = problem.severity == config::Severity::warning;
        json_object_set_new(object, "severity", json_string(warning ? "warning" : "error"));
        json_object_set_new(object, "file", text_value(problem.file));
        json_object_set_new(object, "line", json_integer(problem.line));
        json_object_set_new(object, "column", json_integer(problem.column));
        json_object_set_new(object, "key", text_value(problem.key));
        json_object_set_new(object, "message", text_value(problem.message));
        json_array_append_new(problems, object);
    }
    const Json root(json_object());
    json_object_set_new(root.get(), "checks", checks);
    json_object_set_new(root.get(), "problems", problems);
    json_object_set_new(root.get(), "ok", json_integer(count(Outcome::ok)));
    json_object_set_new(root.get(), "warnings", json_integer(count(Outcome::warning)));
    json_object_set_new(root.get(), "failed", json_integer(count(Outcome::failed)));
    const std::unique_ptr<char, void (*)(void*)> text(json_dumps(root.get(), JSON_COMPACT),
                                                      std::free);
    return std::string(text.get()) + "\n";
}

}  // namespace eg::commands
