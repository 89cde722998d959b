#include "filters/eas/waiting_sync.h"

#include <doctest/doctest.h>

#include "filters/eas/wbxml_writer.h"
#include "tests/support/judging.h"

using namespace eg;
using namespace eg::filters::eas;

namespace {

constexpr Tag kSync{0, 0x05}, kAdd{0, 0x07}, kKey{0, 0x0B}, kCollection{0, 0x0F}, kId{0, 0x12},
    kCommands{0, 0x16}, kCollections{0, 0x1C}, kWait{0, 0x24}, kPartial{0, 0x26},
    kHeartbeat{0, 0x29};

/// A Sync of two folders; `key`: of the second one.
std::string sync(std::string_view key, bool with_commands, Tag end) {
    std::string out;
    WbxmlWriter writer(out);
    writer.open(kSync).open(kCollections);
    writer.open(kCollection).leaf(kKey, "1234").leaf(kId, "5").close();
    writer.open(kCollection).leaf(kKey, key).leaf(kId, "6");
    if (with_commands) {
        writer.open(kCommands).open(kAdd).close().close();
    }
    writer.close().close();
    if (end != Tag{}) {
        writer.leaf(end, "10");
    }
    writer.close();
    return out;
}

bool waits(std::string_view document, std::size_t step = 1U << 20U) {
    WaitingSyncReader reader;
    while (!document.empty()) {
        reader.feed(document.substr(0, step));
        document.remove_prefix(std::min(step, document.size()));
    }
    return reader.waits();
}

}  // namespace

TEST_CASE("a Sync that only waits") {
    for (const Tag tag : {kWait, kHeartbeat}) {
        const std::string document = sync("77", false, tag);
        for (const std::size_t step : {std::size_t{1}, std::size_t{3}, document.size()}) {
            CHECK(waits(document, step));
        }
    }
    CHECK(waits(sync("70", false, kWait)));  // zeros among other digits
}

TEST_CASE("a Sync that needs a real answer is none") {
    CHECK_FALSE(waits(sync("77", false, {})));        // doesn't ask to wait
    CHECK_FALSE(waits(sync("77", false, kPartial)));  // nor does this
    CHECK_FALSE(waits(sync("77", true, kWait)));      // changes of the client
    CHECK_FALSE(waits(sync("0", false, kWait)));      // the first key of a folder
    CHECK_FALSE(waits(sync("00", false, kWait)));
    CHECK_FALSE(waits(sync("", false, kWait)));
    CHECK_FALSE(waits(""));
    // Without content: the element that asks to wait, the key.
    CHECK_FALSE(waits(test::from_hex("03016a00452401")));
    CHECK_FALSE(waits(test::from_hex("03016a00455c4f0b0101640331000101")));
    // A command where none belongs.
    CHECK_FALSE(
        waits(test::from_hex("03016a0045076403310001"
                             "01")));
    // The element that asks to wait stands where it means nothing.
    CHECK_FALSE(
        waits(test::from_hex("03016a00455c640331000101"
                             "01")));
}

TEST_CASE("what isn't understood to its end is none") {
    const std::string document = sync("77", false, kWait);
    for (std::size_t size = 0; size < document.size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(waits(document.substr(0, size)));
    }
    CHECK_FALSE(waits(document + "\x01"));
    CHECK_FALSE(waits(document + document));
    CHECK_FALSE(waits("<Sync/>"));
}
