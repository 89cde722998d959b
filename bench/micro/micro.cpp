// Micro benches of what a request costs besides the kernel and TLS. Two ways to run it:
//   bench-micro [options of google-benchmark]      time
//   bench-micro --repeat NAME N                    does it N times; count.py runs that under
//   valgrind,
//                                                  because instructions don't move with the
//                                                  neighbours
#include <benchmark/benchmark.h>

#include <charconv>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "bench/load/arguments.h"
#include "bench/load/http.h"
#include "filters/eas/root.h"
#include "filters/look_up.h"
#include "proxy/device/sighting.h"
#include "proxy/device/table.h"
#include "proxy/gate/head_edit.h"
#include "proxy/http/parse.h"
#include "proxy/log/access.h"

namespace {

using namespace eg;

using Operation = std::function<void()>;

struct Case {
    std::string_view name;
    Operation (*make)();  // sets up; what it returns is measured
};

std::shared_ptr<const device::DeviceTable> table_of(std::uint64_t count) {
    device::DeviceTable::Builder builder;
    for (std::uint64_t i = 0; i < count; ++i) {
        builder.add(device::Record{
            bench::device_id(i), {fmt::format("user{:07}", i)}, device::State::allow, "", {}});
    }
    return std::move(builder).build();
}

Operation head_parse() {
    auto text = std::make_shared<std::string>(bench::request_head({}, 4711));
    auto head = std::make_shared<http::RequestHead>();
    return [text, head] {
        http::HeadScan scan;
        benchmark::DoNotOptimize(http::parse_request_head(*text, {}, scan, *head));
    };
}

Operation answer_parse() {
    auto text = std::make_shared<std::string>(
        "HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Type: "
        "application/vnd.ms-sync.wbxml\r\n"
        "MS-Server-ActiveSync: 15.2\r\nDate: Thu, 01 Jan 2026 12:00:00 GMT\r\nContent-Length: "
        "400\r\n"
        "\r\n");
    auto head = std::make_shared<http::ResponseHead>();
    return [text, head] {
        http::HeadScan scan;
        benchmark::DoNotOptimize(http::parse_response_head(*text, {}, scan, *head));
    };
}

Operation verdict() {
    auto text = std::make_shared<std::string>(bench::request_head({}, 4711));
    auto head = std::make_shared<http::RequestHead>();
    http::HeadScan scan;
    if (!http::parse_request_head(*text, {}, scan, *head)) {
        bench::fail("the request of the bench doesn't parse");
    }
    auto table = table_of(10'000);
    auto rules = std::make_shared<filters::Rules>();
    rules->user_agents = {"android*", "apple-ipad*", "apple-iphone*"};
    return [text, head, table, rules] {
        filters::Surroundings around;
        around.rules = rules.get();
        around.devices = table.get();
        around.age = filters::StateAge::fresh;
        const filters::Judgement judgement = filters::judge_request(*head, around);
        if (!judgement.verdict.allowed()) {
            bench::fail("the request of the bench is refused");
        }
    };
}

template <std::uint64_t kDevices>
Operation look_up() {
    auto table = table_of(kDevices);
    auto ids = std::make_shared<std::vector<std::string>>();
    for (std::uint64_t i = 0; i < 4096; ++i) {
        ids->push_back(bench::device_id(i * 7919 % kDevices));
    }
    return [table, ids, next = std::size_t{0}]() mutable {
        next = (next + 1) % ids->size();
        if (!table->find((*ids)[next])) {
            bench::fail("a device is missing");
        }
    };
}

Operation upstream_head() {
    auto text = std::make_shared<std::string>(bench::request_head({}, 4711));
    auto head = std::make_shared<http::RequestHead>();
    http::HeadScan scan;
    if (!http::parse_request_head(*text, {}, scan, *head)) {
        bench::fail("the request of the bench doesn't parse");
    }
    auto memory = std::make_shared<std::vector<char>>(64 * 1024);
    return [text, head, memory] {
        const gate::RequestEdit edit{
            .path = "/Microsoft-Server-ActiveSync",
            .query = "",
            .host = "mail.corp.example",
            .client = "192.0.2.17",
            .request_id = "0123456789abcdef",
            .https = true,
            .framing = {.kind = http::Framing::Kind::length, .length = 200}};
        if (!gate::write_upstream_head(*head, edit, *memory)) {
            bench::fail("the head can't be written");
        }
    };
}

Operation wbxml_root() {
    auto body = std::make_shared<std::string>(bench::request_body("Ping", 40));
    return [body] {
        const auto check =
            filters::eas::check_root(filters::eas::Command::ping,
                                     std::string_view(*body).substr(0, filters::eas::kRootBytes));
        if (check != filters::eas::RootCheck::matches) {
            bench::fail("the root element differs");
        }
    };
}

/// A request of a device that was seen before and says the same again.
Operation sighting() {
    auto table = std::make_shared<device::SightingTable>();
    auto id = std::make_shared<std::string>(bench::device_id(4711));
    return [table, id, key = device::DeviceTable::hash_id(*id)] {
        table->note(key, {.id = *id,
                          .user = "user0004711",
                          .user_agent = "Apple-iPhone14C2/2002.55",
                          .device_type = "iPhone",
                          .protocol = "14.1",
                          .reason = "",
                          .at = WallTime(std::chrono::milliseconds(1'767'268'800'123))});
    };
}

Operation log_line() {
    auto line = std::make_shared<std::string>();
    auto id = std::make_shared<std::string>(bench::device_id(4711));
    return [line, id] {
        log::AccessRecord record;
        record.begin = WallTime(std::chrono::milliseconds(1'767'268'800'123));
        record.instance = "exchange-hq";
        record.request_id = "0123456789abcdef";
        record.user = "user0004711";
        record.device_id = *id;
        record.device_type = "iPhone";
        record.command = "Sync";
        record.protocol = "14.1";
        record.user_agent = "Apple-iPhone14C2/2002.55";
        record.allowed = true;
        record.reason = "none";
        record.status = 200;
        record.bytes_in = 200;
        record.bytes_out = 400;
        line->clear();
        log::append_access_line(*line, record, "mailgate-1", log::Format::text);
        benchmark::DoNotOptimize(line->data());
    };
}

constexpr Case kCases[] = {
    {"head_parse", head_parse},
    {"answer_parse", answer_parse},
    {"verdict", verdict},
    {"upstream_head", upstream_head},
    {"look_up_10k", look_up<10'000>},
    {"look_up_1m", look_up<1'000'000>},
    {"wbxml_root", wbxml_root},
    {"sighting", sighting},
    {"log_line", log_line},
};

/// What count.py counts: the operation and nothing of what it took to set it up, which differs with
/// the key of the hash tables.
[[gnu::noinline]] void operate(const Operation& operation, std::uint64_t times) {
    for (std::uint64_t i = 0; i < times; ++i) {
        operation();
    }
}

int repeat(std::string_view name, std::string_view digits) {
    std::uint64_t count = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), count);
    for (const Case& entry : kCases) {
        if (entry.name == name) {
            const Operation operation = entry.make();
            operation();  // what is done once
            operate(operation, count);
            return 0;
        }
    }
    bench::fail("no such case");
}

}  // namespace

int main(int count, char** values) {
    if (count == 4 && std::string_view(values[1]) == "--repeat") {
        return repeat(values[2], values[3]);
    }
    for (const Case& entry : kCases) {
        benchmark::RegisterBenchmark(std::string(entry.name).c_str(),
                                     [make = entry.make](benchmark::State& state) {
                                         const Operation operation = make();
                                         for ([[maybe_unused]] auto _ : state) {
                                             operation();
                                         }
                                     });
    }
    benchmark::Initialize(&count, values);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
