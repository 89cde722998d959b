#include "proxy/commands/check.h"

#include <cstring>

#include <fmt/format.h>

#include "proxy/commands/check_files.h"
#include "proxy/commands/check_online.h"
#include "proxy/commands/check_report.h"
#include "proxy/config/read.h"

namespace eg::commands {

namespace {

constexpr int kPassed = 0;
constexpr int kFailed = 1;
constexpr int kNoConfig = 2;

void print(const CheckReport& report, const CheckOptions& options, std::FILE* out) {
    const std::string text = options.json ? report.json() : report.text();
    std::fwrite(text.data(), 1, text.size(), out);
    std::fflush(out);
}

}  // namespace

int check(const CheckOptions& options, std::FILE* out) {
    CheckReport report;
    const auto read = config::read_file(options.config);
    if (!read) {
        report.add(Outcome::failed, "configuration", options.config,
                   fmt::format("can't be read: {}", std::strerror(read.error().sys_errno)));
        print(report, options, out);
        return kNoConfig;
    }
    if (config::has_errors(read->problems)) {
        report.add(read->problems);
        if (options.json) {
            print(report, options, out);
        } else {
            const std::string problems = config::render(read->problems, read->source);
            fmt::print(out, "{}{}: {} errors, {} warnings\n", problems, options.config,
                       report.count(Outcome::failed), report.count(Outcome::warning));
        }
        return kNoConfig;
    }
    report.add(Outcome::ok, "configuration", options.config,
               fmt::format("{} {}", read->config.instances.size(),
                           read->config.instances.size() == 1 ? "instance" : "instances"));
    report.add(read->problems);
    check_files(read->config, report);
    if (options.online) {
        check_online(read->config, report);
    }
    print(report, options, out);
    return report.count(Outcome::failed) == 0 ? kPassed : kFailed;
}

}  // namespace eg::commands
