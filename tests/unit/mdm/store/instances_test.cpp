#include "mdm/store/instances.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/unit/mdm/temporary_store.h"

using namespace eg;
using namespace eg::mdm;
using namespace eg::mdm::test;

TEST_CASE("names of instances are those of easgate.yaml") {
    CHECK(is_instance_name("exchange-hq2"));
    for (const char* name : {"", "Exchange", "a b", "a_b", "ü", "a'; DROP TABLE instances"}) {
        CAPTURE(name);
        CHECK_FALSE(is_instance_name(name));
    }
    CHECK_FALSE(is_instance_name(std::string(64, 'a')));
}

TEST_CASE("an instance is found by its name and by its certificate") {
    TemporaryStore store;
    const Instance added = store.add_instance("hq", 'a');
    CHECK(store.find("hq").id == added.id);
    CHECK(store.find("hq").feed_id.size() == 16);
    CHECK(added.certificate_hash.substr(0, 4) == "6161");
    const auto found = must(store.instances().find_by_certificate(std::string(32, 'a')));
    REQUIRE(found.has_value());
    CHECK(found->name == "hq");
    CHECK_FALSE(must(store.instances().find_by_certificate(std::string(32, 'b'))).has_value());
    CHECK_FALSE(must(store.instances().find_by_certificate("")).has_value());
}

TEST_CASE("neither a name nor a certificate is taken twice") {
    TemporaryStore store;
    store.add_instance("hq", 'a');
    CHECK(store.instances().add({"hq", std::string(32, 'b'), "PEM"}).error().kind ==
          FailureKind::exists);
    const auto same = store.instances().add({"branch", std::string(32, 'a'), "PEM"});
    REQUIRE(!same);
    CHECK(same.error().text.find("'hq'") != std::string::npos);
    CHECK(must(store.instances().list()).size() == 1);
}

TEST_CASE("a renewed certificate keeps the devices and shuts the old one out") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq", 'a');
    store.add_instance("branch", 'b');
    must(store.devices().add(hq.id, record("A1")));
    must(store.instances().replace_certificate({"hq", std::string(32, 'c'), "PEM"}));
    CHECK_FALSE(must(store.instances().find_by_certificate(std::string(32, 'a'))).has_value());
    CHECK(must(store.instances().find_by_certificate(std::string(32, 'c')))->id == hq.id);
    CHECK(must(store.devices().count(hq.id))[0] == 1);
    CHECK_FALSE(store.instances().replace_certificate({"hq", std::string(32, 'b'), "PEM"}));
    CHECK_FALSE(store.instances().replace_certificate({"nobody", std::string(32, 'd'), "PEM"}));
    // The same certificate once more is no mistake.
    must(store.instances().replace_certificate({"hq", std::string(32, 'c'), "PEM"}));
}

TEST_CASE("without a name the only instance is meant, if there is only one") {
    TemporaryStore store;
    CHECK(error_of(store.instances().choose("")).find("instance add") != std::string::npos);
    store.add_instance("hq", 'a');
    CHECK(must(store.instances().choose("")).name == "hq");
    store.add_instance("branch", 'b');
    CHECK(error_of(store.instances().choose("")).find("branch, hq") != std::string::npos);
    CHECK(must(store.instances().choose("branch")).name == "branch");
    CHECK(store.instances().choose("nobody").error().kind == FailureKind::missing);
}

TEST_CASE("a removed instance takes everything with it, and its successor gives other cursors") {
    TemporaryStore store;
    const Instance before = store.add_instance("hq", 'a');
    must(store.devices().add(before.id, record("A1", device::State::allow, {"alice"})));
    must(store.devices().add(before.id, record("A2")));
    must(store.devices().remove(before.id, "A2"));
    CHECK(must(store.instances().remove("hq")) == 1);
    CHECK_FALSE(store.instances().remove("hq"));
    const Instance after = store.add_instance("hq", 'a');
    CHECK(after.id != before.id);
    CHECK(after.feed_id != before.feed_id);
    CHECK(must(FeedSnapshot::open(store.path, after.id, std::nullopt)).count() == 0);
}

TEST_CASE("changes() tells where each instance stands") {
    TemporaryStore store;
    const Instance hq = store.add_instance("hq", 'a');
    store.add_instance("branch", 'b');
    must(store.devices().add(hq.id, record("A1")));
    const auto marks = must(store.instances().changes());
    REQUIRE(marks.size() == 2);
    CHECK(marks[0].instance_id == hq.id);
    CHECK(marks[0].last_change == store.find("hq").last_change);
    CHECK(marks[0].last_change > hq.last_change);
    CHECK(marks[1].last_change == store.find("branch").last_change);
}
