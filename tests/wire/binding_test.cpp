// Device bindings on a real loop: who binds a device, and whom the gate then turns away.

#include <memory>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "proxy/gate/bindings.h"
#include "tests/wire/gate_rig.h"

using namespace eg;
using namespace eg::test;
using filters::Reason;

namespace {

// alice:new and bob:new
constexpr std::string_view kAlice = "Authorization: Basic YWxpY2U6bmV3\r\n";
constexpr std::string_view kBob = "Authorization: Basic Ym9iOm5ldw==\r\n";

struct Bound {
    explicit Bound(config::Mode mode = config::Mode::enforce)
        : rig([mode](config::Config& config) {
              config.instances[0].bind = config::Bind::user;
              config.instances[0].mode = mode;
          }) {
        rig.slot().bindings =
            std::make_shared<gate::Bindings>(gate::Bindings::Files{}, *rig.service().worker().log);
    }
    /// A request of that user reaches the mail server, which answers it with `status`.
    void passes(std::string_view credential, unsigned status) {
        Peer phone = rig.connect();
        phone.send(request("FolderSync", kFolderSync, "PHONE1", credential));
        if (!upstream) {
            upstream = rig.upstream();
        }
        REQUIRE(rig.receives(*upstream, kFolderSync));
        upstream->take_received();
        upstream->send(answer(status, "from the mail server"));
        REQUIRE(rig.receives(phone, "from the mail server"));
    }
    /// It doesn't: the gate says no.
    void refused(std::string_view credential) {
        Peer phone = rig.connect();
        phone.send(request("FolderSync", kFolderSync, "PHONE1", credential));
        REQUIRE(rig.receives(phone, "HTTP/1.1 403"));
        if (upstream) {
            upstream->receive();
            CHECK(upstream->received() == "");
        }
    }
    [[nodiscard]] std::size_t size() { return rig.slot().bindings->size(); }

    GateRig rig;
    std::optional<Peer> upstream;
};

}  // namespace

TEST_CASE("the first user whom the mail server accepts has the device, others are refused") {
    Bound it;
    it.passes(kAlice, 200);
    CHECK(it.size() == 1);
    it.passes(kAlice, 200);
    it.refused(kBob);
    CHECK(it.rig.ended(Reason::bound_user) == 1);
}

TEST_CASE("an answer that proves nothing binds nobody") {
    Bound it;
    for (const unsigned status : {401U, 403U, 500U, 503U}) {
        CAPTURE(status);
        it.passes(kAlice, status);
        CHECK(it.size() == 0);
    }
    it.passes({}, 200);  // without a name
    CHECK(it.size() == 0);
    it.passes(kBob, 200);
    CHECK(it.size() == 1);
    it.refused(kAlice);
}

TEST_CASE("a binding outlives a reload, and ends when it is removed") {
    Bound it;
    it.passes(kAlice, 200);
    it.rig.reload();
    it.upstream.reset();
    it.refused(kBob);
    CHECK(it.rig.slot().bindings->remove("PHONE1"));
    it.passes(kBob, 200);
    it.refused(kAlice);
}

TEST_CASE("observing notes what a binding would refuse, and binds nobody anew") {
    Bound it(config::Mode::observe);
    it.passes(kAlice, 200);
    it.passes(kBob, 200);
    CHECK(it.size() == 1);
    CHECK(it.rig.ended(Reason::bound_user) == 1);
}
