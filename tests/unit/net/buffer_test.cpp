// Lent memory: what is in it, where it goes, and that it comes back.

#include "proxy/net/buffer.h"

#include <algorithm>
#include <string>
#include <utility>

#include <doctest/doctest.h>

using namespace eg::net;

namespace {

void put(Buffer& buffer, std::string_view bytes) {
    const auto room = buffer.space();
    REQUIRE(room.size() >= bytes.size());
    std::copy(bytes.begin(), bytes.end(), room.begin());
    buffer.commit(bytes.size());
}

}  // namespace

TEST_CASE("what is put in comes out, in its order") {
    BufferPool pool;
    Buffer buffer(pool);
    CHECK(buffer.empty());
    put(buffer, "hello ");
    put(buffer, "world");
    CHECK(buffer.view() == "hello world");
    buffer.consume(6);
    CHECK(buffer.view() == "world");
    CHECK(buffer.size() == 5);
    buffer.consume(5);
    CHECK(buffer.empty());
    CHECK(buffer.space().size() == kBufferBytes);
}

TEST_CASE("room is made at the front when it runs short at the end") {
    BufferPool pool;
    Buffer buffer(pool);
    put(buffer, std::string(kBufferBytes - 100, 'x'));
    put(buffer, "end");
    CHECK(buffer.space().size() == 97);
    buffer.consume(kBufferBytes - 100);
    CHECK(buffer.space().size() == kBufferBytes - 3);
    CHECK(buffer.view() == "end");
}

TEST_CASE("a full buffer has no room") {
    BufferPool pool;
    Buffer buffer(pool);
    put(buffer, std::string(kBufferBytes, 'x'));
    CHECK(buffer.space().empty());
    buffer.consume(1);
    CHECK(buffer.space().size() == 1);
}

TEST_CASE("memory comes back to the pool and is lent again") {
    BufferPool pool;
    Buffer buffer(pool);
    const char* memory = buffer.space().data();
    put(buffer, "x");
    buffer.release_if_empty();
    CHECK(buffer.view() == "x");
    buffer.consume(1);
    buffer.release_if_empty();
    Buffer other(pool);
    CHECK(other.space().data() == memory);
    buffer.release();
    CHECK(buffer.empty());
}

TEST_CASE("a moved buffer leaves an empty one") {
    BufferPool pool;
    Buffer from(pool);
    put(from, "bytes");
    Buffer to(std::move(from));
    CHECK(to.view() == "bytes");
    Buffer third(pool);
    put(third, "gone");
    third = std::move(to);
    CHECK(third.view() == "bytes");
    // Both may be used again: a moved-from Buffer is defined to be empty.
    put(to, "new");    // NOLINT(bugprone-use-after-move)
    put(from, "new");  // NOLINT(bugprone-use-after-move)
    CHECK(to.view() == "new");
}
