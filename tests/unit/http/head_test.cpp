#include "proxy/http/head.h"

#include <set>

#include <doctest/doctest.h>

#include "proxy/base/text.h"

using namespace eg;
using http::Field;
using http::FieldName;
using http::Fields;

namespace {

struct Known {
    std::string_view name;
    FieldName id;
};

constexpr Known kKnown[] = {
    {"Accept-Encoding", FieldName::accept_encoding},
    {"Authorization", FieldName::authorization},
    {"Connection", FieldName::connection},
    {"Content-Encoding", FieldName::content_encoding},
    {"Content-Length", FieldName::content_length},
    {"Content-Type", FieldName::content_type},
    {"Cookie", FieldName::cookie},
    {"Expect", FieldName::expect},
    {"Host", FieldName::host},
    {"Keep-Alive", FieldName::keep_alive},
    {"MS-ASProtocolVersion", FieldName::ms_asprotocolversion},
    {"Proxy-Connection", FieldName::proxy_connection},
    {"Set-Cookie", FieldName::set_cookie},
    {"TE", FieldName::te},
    {"Trailer", FieldName::trailer},
    {"Transfer-Encoding", FieldName::transfer_encoding},
    {"Upgrade", FieldName::upgrade},
    {"User-Agent", FieldName::user_agent},
    {"WWW-Authenticate", FieldName::www_authenticate},
    {"X-MS-PolicyKey", FieldName::x_ms_policykey},
    {"X-Request-Id", FieldName::x_request_id},
};

}  // namespace

TEST_CASE("known field names are found in any letter case") {
    std::set<FieldName> ids;
    for (const Known& known : kKnown) {
        CAPTURE(known.name);
        CHECK(http::field_name(known.name) == known.id);
        CHECK(http::field_name(lower(known.name)) == known.id);
        CHECK(http::field_name(upper(known.name)) == known.id);
        ids.insert(known.id);
    }
    CHECK(ids.size() == std::size(kKnown));
}

TEST_CASE("a name with one byte changed, more or less is another name") {
    for (const Known& known : kKnown) {
        const std::string name(known.name);
        CAPTURE(name);
        CHECK(http::field_name(name + "s") == FieldName::other);
        CHECK(http::field_name(name + " ") == FieldName::other);
        CHECK(http::field_name(" " + name) == FieldName::other);
        CHECK(http::field_name(std::string_view(name).substr(1)) == FieldName::other);
        for (std::size_t at = 0; at < name.size(); ++at) {
            std::string changed = name;
            changed[at] = changed[at] == '_' ? '-' : '_';
            CHECK(http::field_name(changed) == FieldName::other);
        }
    }
    CHECK(http::field_name("") == FieldName::other);
    CHECK(http::field_name("X") == FieldName::other);
    CHECK(http::field_name(std::string(1000, 'x')) == FieldName::other);
}

TEST_CASE("fields are found by id and by name, the first of several") {
    Fields fields;
    CHECK(fields.find(FieldName::cookie) == nullptr);
    CHECK(fields.find("X-Odd") == nullptr);
    CHECK(fields.value(FieldName::cookie).empty());

    fields.add({.name = "Cookie", .value = "a=1", .id = FieldName::cookie});
    fields.add({.name = "X-Odd", .value = "1", .id = FieldName::other});
    fields.add({.name = "cookie", .value = "b=2", .id = FieldName::cookie});
    fields.add({.name = "x-odd", .value = "2", .id = FieldName::other});
    CHECK(fields.size() == 4);
    CHECK(fields.count(FieldName::cookie) == 2);
    CHECK(fields.count(FieldName::host) == 0);
    CHECK(fields.value(FieldName::cookie) == "a=1");
    REQUIRE(fields.find("X-ODD") != nullptr);
    CHECK(fields.find("X-ODD")->value == "1");
    CHECK(fields.find("X-Od") == nullptr);

    fields.clear();
    CHECK(fields.size() == 0);
    CHECK(fields.find(FieldName::cookie) == nullptr);
}
