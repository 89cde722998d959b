#include "proxy/gate/bindings.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include <doctest/doctest.h>

#include "tests/support/judging.h"
#include "tests/unit/certs/maker.h"

using namespace eg;
using device::Bound;
using gate::Bindings;

namespace {

std::shared_ptr<const device::DeviceTable> table_of(int devices) {
    std::vector<device::Record> records;
    for (int i = 0; i < devices; ++i) {
        records.push_back({.id = "A" + std::to_string(i),
                           .users = {},
                           .state = device::State::allow,
                           .reason = "",
                           .keys = {}});
    }
    return test::table_of(records);
}

struct Rig {
    Folder folder;
    log::Log log{{.directory = folder.path(""), .node = "n"}};
    std::string file = folder.path("devices.bindings.mail");
    [[nodiscard]] Bindings::Files files() const { return {.path = file, .instance = "mail"}; }
};

std::string user_of(const Bindings& bindings, std::string_view id) {
    device::Binding found;
    return bindings.find(id, found) == Bound::yes ? std::string(found.user.view()) : "";
}

}  // namespace

TEST_CASE("the first one wins, and what is open is bound later") {
    Rig rig;
    const auto table = table_of(3);
    Bindings bindings(rig.files(), rig.log);
    bindings.bind({.id = "a1", .user = "alice", .key = {}, .since = 1}, table);
    bindings.bind({.id = "A1", .user = "bob", .key = device::KeyHash{7}, .since = 2}, table);
    device::Binding found;
    REQUIRE(bindings.find("A1", found) == Bound::yes);
    CHECK(found.user == std::string_view("alice"));
    CHECK(found.key == device::KeyHash{7});
    CHECK(bindings.find("A2", found) == Bound::no);
    CHECK(bindings.size() == 1);
}

TEST_CASE("of many threads that use a free device one wins") {
    Rig rig;
    const auto table = table_of(1);
    Bindings bindings(rig.files(), rig.log);
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&bindings, &table, i] {
            bindings.bind({.id = "A0", .user = std::to_string(i), .key = {}, .since = 0}, table);
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    const std::string winner = user_of(bindings, "A0");
    CHECK(winner.size() == 1);
    CHECK(bindings.size() == 1);
    bindings.stop();
    CHECK(user_of(Bindings(rig.files(), rig.log), "A0") == winner);
}

TEST_CASE("bindings survive, and what is removed stays away") {
    Rig rig;
    const auto table = table_of(3);
    {
        Bindings bindings(rig.files(), rig.log);
        bindings.bind({.id = "A1", .user = "alice", .key = {}, .since = 1}, table);
        bindings.bind({.id = "A2", .user = "bob", .key = {}, .since = 1}, table);
        CHECK(bindings.remove("a2"));
        CHECK_FALSE(bindings.remove("A2"));
    }
    const Bindings again(rig.files(), rig.log);
    CHECK(user_of(again, "A1") == "alice");
    CHECK(again.list().size() == 1);
}

TEST_CASE("a damaged file counts for nothing, stays as it is, and can be mended") {
    Rig rig;
    std::ofstream(rig.file) << "nonsense";
    Bindings bindings(rig.files(), rig.log);
    device::Binding found;
    CHECK(bindings.damaged());
    CHECK(bindings.find("A1", found) == Bound::unknown);
    bindings.bind({.id = "A1", .user = "alice", .key = {}, .since = 1}, table_of(3));
    CHECK(bindings.size() == 0);
    bindings.load_again();
    CHECK(bindings.damaged());
    CHECK(std::filesystem::file_size(rig.file) == 8);
    std::filesystem::remove(rig.file);
    bindings.load_again();
    CHECK(bindings.find("A1", found) == Bound::no);
}

TEST_CASE("two requests held at once are told by network and key") {
    using Overlap = Bindings::Overlap;
    Rig rig;
    Bindings bindings({}, rig.log);
    const device::KeyHash key{1};
    const auto at = [](const char* address, const device::KeyHash* with = nullptr) {
        return Bindings::origin(*IpAddress::parse(address), with);
    };
    CHECK(at("192.0.2.1") == at("192.0.2.200"));
    CHECK(at("192.0.2.1") != at("192.0.3.1"));
    CHECK(at("2001:db8:1:2::1") == at("2001:db8:1:3::1"));
    CHECK(at("2001:db8:1::1") != at("2001:db8:2::1"));
    CHECK(bindings.hold(5, at("192.0.2.1")) == Overlap::none);
    CHECK(bindings.hold(5, at("192.0.2.9")) == Overlap::none);
    CHECK(bindings.hold(5, at("192.0.3.1")) == Overlap::network);
    CHECK(bindings.hold(5, at("192.0.2.1", &key)) == Overlap::key);
    CHECK(bindings.hold(6, at("192.0.3.1")) == Overlap::none);
    bindings.release(5, at("192.0.2.1", &key));
    bindings.release(5, at("192.0.2.1"));
    bindings.release(5, at("192.0.2.1"));
    CHECK(bindings.hold(5, at("192.0.3.2")) == Overlap::none);
    bindings.release(7, at("192.0.3.2"));
    CHECK(bindings.may_warn(100'000));
    CHECK_FALSE(bindings.may_warn(100'001));
    CHECK(bindings.may_warn(110'000));
}
