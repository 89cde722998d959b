// Property: what a client seals comes out of TlsRecords the same in any pieces and rooms, in order,
// and nothing else does.
//
// The input is a script: how the bytes are cut, then what the client sends. A client that keeps to
// RFC 8446 gets through; one that doesn't gets no byte through that it hadn't sealed in its place.

#include <algorithm>
#include <array>
#include <string>

#include "tests/fuzz/fuzz_check.h"
#include "tests/support/tls_records.h"

namespace {

using namespace eg;

constexpr std::size_t kMostSent = 200'000;  // keeps a run short

class Script {
  public:
    explicit Script(std::string_view bytes) : bytes_(bytes) {}
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    /// 0 where there is none left.
    std::uint8_t next() {
        const std::string byte = text(1);
        return byte.empty() ? 0 : static_cast<std::uint8_t>(byte[0]);
    }
    std::string text(std::size_t most) {
        const std::string taken(bytes_.substr(0, most));
        bytes_.remove_prefix(taken.size());
        return taken;
    }
    /// Small numbers as they are, and those at which something turns.
    std::size_t size() {
        constexpr std::array<std::uint16_t, 12> kTurns{
            255, 256, 1'000, 8'192, 16'383, 16'384, 16'385, 16'389, 16'405, 16'406, 16'645, 40'000};
        const std::uint8_t code = next();
        return code < 0xF4 ? code : std::size_t{kTurns[code - 0xF4U]};
    }

  private:
    std::string_view bytes_;
};

/// What a client sends, and what of it may come out.
struct Sent {
    std::string bytes;
    std::string data;     // sealed, in order
    bool regular = true;  // nothing in it that a server has to refuse, or that ends it
    bool asked = false;   // for a KeyUpdate of the server's
    unsigned without_data = 0;
};

class Client {
  public:
    Client(test::Ends& ends, Script& script) : protection_(ends.client), script_(script) {}

    Sent run() {
        while (!script_.empty() && sent_.bytes.size() < kMostSent) {
            step();
        }
        return sent_;
    }

  private:
    void step() {
        const std::uint8_t code = script_.next();
        switch (code % 12) {
            case 0:
            case 1:
            case 2:
                data(script_.size(), code >= 0x80 ? script_.size() : 0);
                return;
            case 3:
                key_update(code >= 0x80);
                return;
            case 4:
                odd(std::string("\1\x5A", 2) + '\x15', script_.size());  // user_canceled
                return;
            case 5:
                ends_it(script_.text(2) + '\x15', script_.size());
                return;
            case 6:
                ends_it(script_.text(script_.next() % 16) + '\x16', 0);
                return;
            case 7: {
                const auto type = static_cast<char>(script_.next());
                ends_it(script_.text(script_.next() % 16) + type, script_.size());
                return;
            }
            case 8:
                sent_.bytes += script_.text(script_.next());
                sent_.regular = false;
                return;
            default:
                damage(code % 12);
        }
    }

    void seal(std::string inner, std::size_t padding) {
        inner.append(std::min(padding, net::kRecordBytes + 1 - inner.size()), '\0');
        last_ = sent_.bytes.size();
        sent_.bytes += test::seal_inner(protection_, inner);
    }

    void data(std::size_t size, std::size_t padding) {
        std::string content(std::min(size, net::kRecordBytes), '\0');
        for (char& byte : content) {
            byte = static_cast<char>(++count_ % 251);  // zeros too
        }
        sent_.data += content;
        sent_.without_data = content.empty() ? sent_.without_data + 1 : 0;
        sent_.regular &= sent_.without_data <= 32;
        seal(content + '\x17', padding);
    }

    void key_update(bool requested) {
        odd(std::string("\x18\0\0\1", 4) + (requested ? '\1' : '\0') + '\x16', 0);
        protection_.update();
        sent_.asked |= requested;
    }

    /// A record without data that a server takes.
    void odd(const std::string& inner, std::size_t padding) {
        sent_.regular &= ++sent_.without_data <= 32;
        seal(inner, padding);
    }
    /// One that it may refuse.
    void ends_it(const std::string& inner, std::size_t padding) {
        // Of type 0 the content's last byte but zeros is the type. Where that makes it data it may
        // come out.
        const std::size_t end = inner.find_last_not_of('\0');
        if (end != std::string::npos && inner[end] == '\x17') {
            sent_.data.append(inner, 0, end);
        }
        sent_.regular = false;
        seal(inner, padding);
    }

    void damage(unsigned how) {
        std::string& bytes = sent_.bytes;
        if (bytes.empty()) {
            return;
        }
        sent_.regular = false;
        switch (how) {
            case 9: {  // a bit
                const std::size_t back = script_.size() % bytes.size();
                char& byte = bytes[bytes.size() - 1 - back];
                byte = static_cast<char>(byte ^ 1 << script_.next() % 8);
                return;
            }
            case 10:  // the end is missing
                bytes.resize(bytes.size() - std::min(bytes.size(), script_.size()));
                last_ = std::min(last_, bytes.size());
                return;
            default:  // the last record again
                bytes += bytes.substr(last_);
        }
    }

    net::RecordProtection& protection_;
    Script& script_;
    Sent sent_;
    std::size_t last_ = 0;
    unsigned count_ = 0;
};

std::string outcome(test::Ends& ends, const test::Fed& fed) {
    EG_CHECK(fed.lawful);
    const std::string state = test::show_state(ends.server);
    // What the server says then. It may go on although it can't read any more.
    const std::string first = ends.answer("first");
    EG_CHECK(first == "data(first)" || first == "handshake(1800000100) data(first)");
    EG_CHECK(ends.answer("second") == "data(second)");
    const std::string alert = ends.answer(ends.server.alert());
    EG_CHECK(alert.starts_with("alert(02") && alert.size() == 11);
    return fed.data + "|" + state + "|" + first;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Script script(eg::fuzz::as_text(data, size));
    const auto suite = static_cast<std::uint16_t>(0x1301 + script.next() % 3);
    std::array<std::size_t, 2> steps{script.size(), script.size()};
    std::array<std::size_t, 3> rooms{script.size(), script.size(), script.size()};

    test::Ends at_once(suite);
    const Sent sent = Client(at_once, script).run();
    const test::Fed whole = test::feed(at_once.server, sent.bytes);
    const std::string expected = outcome(at_once, whole);
    EG_CHECK(sent.data.starts_with(whole.data));
    if (sent.regular) {
        EG_CHECK(whole.data == sent.data);
        EG_CHECK(expected == sent.data + "|open|" + (sent.asked ? "handshake(1800000100) " : "") +
                                 "data(first)");
    }

    test::Ends in_pieces(suite);
    // Some at least, and so many that a run stays short.
    const std::size_t least = sent.bytes.size() / 1'000 + 1;
    const auto cycle = [least](const auto& sizes, std::size_t& turn) {
        return std::max(sizes[turn++ % sizes.size()], least);
    };
    std::size_t step = 0;
    std::size_t room = 0;
    const test::Fed pieces = test::feed(
        in_pieces.server, sent.bytes, [&] { return cycle(steps, step); },
        [&] {
            if (room % 3 == 2) {
                in_pieces.server.free_ciphers();
            }
            return cycle(rooms, room);
        });
    EG_CHECK(outcome(in_pieces, pieces) == expected);
    return 0;
}
