// Every published and recorded request: those that are legal are read, those that are not are
// refused.

#include <filesystem>
#include <map>

#include <doctest/doctest.h>

#include "filters/eas/request.h"
#include "filters/eas/root.h"
#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters::eas;
using test::post;
using test::Request;

TEST_CASE("every valid query vector") {
    const auto rows = test::read_tsv("query_vectors.tsv");
    CHECK(rows.size() == 22);
    for (const auto& row : rows) {
        CAPTURE(row.at(0));
        const Request request(post(row.at(2)));
        const auto parsed = parse_request(request.head());
        REQUIRE(parsed.has_value());
        CHECK(parsed->base64_form);
        CHECK(std::to_string(parsed->protocol_version) == row.at(3));
        CHECK(name_of(parsed->command) == row.at(4));
        CHECK(parsed->device_id == test::from_hex(row.at(6)));
        CHECK(device::canonical_id(parsed->device_id) == upper(row.at(7)));
        CHECK(parsed->has_policy_key == (row.at(8) != "-"));
        CHECK(std::to_string(parsed->policy_key) == (row.at(8) == "-" ? "0" : row.at(8)));
        CHECK(parsed->device_type == row.at(9));
        const bool names_user = row.at(10).find(R"("User")") != std::string::npos;
        CHECK(parsed->user == (names_user ? "alice@example.test" : ""));
    }
}

TEST_CASE("every invalid query vector") {
    const auto rows = test::read_tsv("query_invalid.tsv");
    CHECK(rows.size() == 15);
    for (const auto& row : rows) {
        CAPTURE(row.at(0));
        const Request request(post(row.at(1)));
        const auto parsed = parse_request(request.head());
        if (row.at(0) == "n01_empty") {
            REQUIRE(parsed.has_value());
            CHECK_FALSE(parsed->has_device_id);
        } else if (row.at(0) == "n09_unknown_command" || row.at(0) == "n10_reserved_command") {
            REQUIRE(parsed.has_value());
            CHECK(parsed->unknown_command);
            CHECK(parsed->command == Command::none);
        } else {
            REQUIRE_FALSE(parsed.has_value());
            CHECK(parsed.error().code == ErrorCode::malformed);
            CHECK(parsed.error().side == Side::client);
        }
    }
}

TEST_CASE("every spelling of one query says the same") {
    const auto rows = test::read_tsv("query_url_forms.tsv");
    CHECK(rows.size() == 5);
    for (const auto& row : rows) {
        CAPTURE(row.at(0));
        const Request request(post(row.at(1)));
        const auto parsed = parse_request(request.head());
        REQUIRE(parsed.has_value());
        CHECK(to_hex(parsed->device_id) == "FBEFBEFBEFBEFBEFBEFBEFBEFBEFBEFF");
        CHECK(parsed->policy_key == 4294967295U);
        CHECK(parsed->device_type == "x");
        CHECK(parsed->command == Command::sync);
    }
}

TEST_CASE("every recorded request") {
    // Those that aren't listed are legal, and their body has the root of their command.
    const std::map<std::string, std::string> odd = {
        {"sogo_22_diff_cmd_ping_body_foldersync", "root differs"},
        {"zpush_17_diff_cmd_ping_body_foldersync", "root differs"},
        {"sogo_23_diff_two_questionmarks", "malformed"},
        {"sogo_24_diff_dup_deviceid", "malformed"},
        {"zpush_18_diff_dup_deviceid", "malformed"},
        {"sogo_25_diff_no_deviceid", "no device"},
    };
    int count = 0;
    for (const auto& file : std::filesystem::directory_iterator(test::eas_data("captures"))) {
        if (!file.path().filename().string().ends_with(".request.bin")) {
            continue;  // answers lie there too
        }
        const std::string name = file.path().stem().stem().string();
        CAPTURE(name);
        ++count;
        const Request request(test::read_all(file.path()));
        const auto parsed = parse_request(request.head());
        std::string outcome = "legal";
        if (!parsed) {
            outcome = "malformed";
        } else if (!request.body().empty() &&
                   check_body_start(*parsed, request.body()) != RootCheck::matches) {
            outcome = "root differs";
        } else if (request.head().method == http::Method::post && !parsed->has_device_id) {
            outcome = "no device";
        }
        const auto expected = odd.find(name);
        CHECK(outcome == (expected == odd.end() ? "legal" : expected->second));
        if (outcome == "legal" && request.head().method == http::Method::post) {
            CHECK(parsed->command != Command::none);
            CHECK(parsed->protocol_version >= 121);
            CHECK(parsed->user == (name == "sogo_21_foldersync_b64" ? "" : "alice"));
        }
    }
    CHECK(count == 46);
}
