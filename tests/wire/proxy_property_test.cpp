// Whatever happens in whatever order, a transaction ends, leaves one access line, and holds nothing
// afterwards. EASGATE_PROPERTY_SEED tries one seed alone; EASGATE_PROPERTY_SEEDS sets how many.

#include <array>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "proxy/gate/proxy_transaction.h"
#include "tests/wire/gate_rig.h"

using namespace eg;
using namespace eg::test;
using namespace std::chrono_literals;

namespace {

unsigned long number_from(const char* variable, unsigned long otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoul(text, nullptr, 10);
}

/// One phone, one mail server and everything that can go wrong between them.
class Play {
  public:
    Play(GateRig& rig, unsigned long seed) : rig_(rig), random_(seed) {
        phone_ = rig_.connect();
        const auto requests = pick(1, 3);
        for (std::size_t i = 0; i < requests; ++i) {
            to_send_ += some_request();
        }
    }

    void run() {
        const auto steps = pick(3, 40);
        for (std::size_t i = 0; i < steps; ++i) {
            step();
            if (pick(0, 2) != 0) {
                rig_.turn(static_cast<int>(pick(1, 3)));
            }
        }
        finish();
    }

    [[nodiscard]] const std::string& story() const { return story_; }

  private:
    std::size_t pick(std::size_t least, std::size_t most) {
        return least + random_() % (most - least + 1);
    }
    template <typename List>
    auto& one_of(const List& list) {
        return list[pick(0, std::size(list) - 1)];
    }
    void tell(std::string_view what) {
        story_ += what;
        story_ += "; ";
    }

    std::string some_request() {
        static const std::string kPlain = request("FolderSync", kFolderSync);
        static const std::array<std::string, 12> kRequests{
            kPlain,
            request("Ping", kPing),
            request("Sync"),
            request("Ping", kPing, "STRANGER"),
            request("FolderSync", kPing),
            request("SendMail", std::string("\x03\x01\x6a\x00\x00\x15\x45\x01", 8)),
            request("FolderSync", std::string(kFolderSync) + std::string(100'000, 'x')),
            request("FolderSync", kFolderSync, "PHONE1", "Expect: 100-continue\r\n"),
            request("Ping", kPing, "PHONE1", "Authorization: NTLM TlRMTVNTUAABAAAAB4II\r\n"),
            "OPTIONS /Microsoft-Server-ActiveSync HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /Microsoft-Server-ActiveSync?Cmd=Sync&DeviceId=PHONE1&DeviceType=P&User=a "
            "HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "6\r\n" +
                std::string(kSync) + "\r\n3\r\nabc\r\n0\r\n\r\n",
            kPlain.substr(0, kPlain.find("\r\n")) + "0\r\nHost: a\r\n\r\n",
        };
        return pick(0, 15) == 0 ? "nonsense\r\n\r\n" : one_of(kRequests);
    }

    std::string some_answer() {
        static const std::array<std::string, 14> kAnswers{
            answer(200, "fine"),
            answer(200, std::string(200'000, 'y')),
            answer(401, "", "WWW-Authenticate: NTLM TlRMTVNT\r\n"),
            answer(503, "later", "Connection: close\r\n"),
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmail\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nmailx",
            "HTTP/1.1 200 OK\r\n\r\nuntil the end",
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            "garbage",
        };
        return one_of(kAnswers);
    }

    void step() {
        switch (pick(0, 15)) {
            case 0:
            case 1:
            case 2:
            case 3:
                send_some();
                break;
            case 4:
            case 5:
                upstreams_accept();
                break;
            case 6:
            case 7:
            case 8:
                upstream_acts();
                break;
            case 9:
                tell("phone reads");
                phone_.receive();
                break;
            case 10:
                pass(one_of(std::array{60ms, 1100ms, 5100ms}));
                break;
            case 11:
                if (pick(0, 3) == 0) {
                    pass(one_of(std::array{11'000ms, 31'000ms, 131'000ms, 3'700'000ms}));
                }
                break;
            case 12:
                if (pick(0, 3) == 0) {
                    change_devices();
                }
                break;
            case 13:
                if (pick(0, 3) == 0) {
                    hang_up();
                }
                break;
            case 14:
                if (pick(0, 5) == 0) {
                    tell("reload");
                    rig_.reload();
                }
                break;
            case 15:
                if (pick(0, 5) == 0) {
                    tell("drain");
                    rig_.worker().drain_connections();
                }
                break;
            default:
                break;
        }
    }

    void send_some() {
        const std::size_t most = one_of(std::array<std::size_t, 4>{1, 100, 1000, 1'000'000});
        const std::string_view rest = std::string_view(to_send_).substr(sent_);
        const std::size_t size = pick(0, std::min(most, rest.size()));
        tell(fmt::format("phone sends {}", size));
        if (phone_.open()) {
            sent_ += phone_.send(rest.substr(0, size));
        }
    }

    void upstreams_accept() {
        while (auto accepted = rig_.upstream_if_any()) {
            tell("mail server accepts");
            upstreams_.push_back(std::move(*accepted));
        }
    }

    void upstream_acts() {
        if (upstreams_.empty()) {
            return;
        }
        const std::size_t which = pick(0, upstreams_.size() - 1);
        Peer& upstream = upstreams_[which];
        if (!upstream.open()) {
            return;
        }
        const std::size_t what = pick(0, 11);
        if (what <= 6) {
            if (answering_.empty() || pick(0, 4) == 0) {
                answering_ = some_answer();
            }
            const std::size_t size =
                pick(0, 2) == 0 ? pick(1, answering_.size()) : answering_.size();
            tell(fmt::format("mail server {} sends {} of '{}'", which, size,
                             answering_.substr(0, 20)));
            upstream.send(answering_.substr(0, size));
            answering_.erase(0, size);
        } else if (what <= 9) {
            tell(fmt::format("mail server {} reads", which));
            upstream.receive(what == 9 ? 1000 : SIZE_MAX);
        } else if (what == 10) {
            tell(fmt::format("mail server {} closes", which));
            upstream.close();
        } else {
            tell(fmt::format("mail server {} resets", which));
            upstream.reset();
        }
    }

    void pass(Milliseconds time) {
        tell(fmt::format("{} ms pass", time.count()));
        rig_.pass(time);
    }

    void change_devices() {
        const bool denied = pick(0, 1) == 0;
        tell(denied ? "denied" : "allowed");
        rig_.set_devices({phone("PHONE1", denied ? device::State::deny : device::State::allow)});
        rig_.slot().held.for_device(device::DeviceTable::hash_id("PHONE1"),
                                    [](gate::ProxyTransaction& held) { held.judge_again(); });
    }

    void hang_up() {
        if (!phone_.open()) {
            return;
        }
        switch (pick(0, 2)) {
            case 0:
                tell("phone half-closes");
                phone_.half_close();
                break;
            case 1:
                tell("phone closes");
                phone_.close();
                break;
            default:
                tell("phone resets");
                phone_.reset();
                break;
        }
    }

    /// Either the phone leaves, or nobody does anything any more: then time alone must end it.
    void finish() {
        if (pick(0, 1) == 0) {
            tell("at last the phone closes");
            phone_.close();
        }
        constexpr int kLongest = 12;
        for (int i = 0; i < kLongest && rig_.worker().connections() != 0; ++i) {
            pass(3'700s);
            rig_.turn(3);
        }
        phone_.close();
        upstreams_.clear();
        rig_.turn(5);
    }

    GateRig& rig_;
    std::mt19937_64 random_;
    Peer phone_;
    std::vector<Peer> upstreams_;
    std::string to_send_;
    std::string answering_;
    std::size_t sent_ = 0;
    std::string story_;
};

void play(unsigned long seed) {
    GateRig rig;
    Play one(rig, seed);
    one.run();
    const bool whole = rig.until([&] { return rig.leaks().empty(); });
    if (!whole) {
        FAIL_CHECK("seed " << seed << " leaves " << rig.leaks() << " after: " << one.story());
    }
}

}  // namespace

TEST_CASE("any sequence of events ends in done, with one access line, and nothing leaks") {
    if (const unsigned long alone = number_from("EASGATE_PROPERTY_SEED", 0); alone != 0) {
        play(alone);
        return;
    }
    const unsigned long seeds = number_from("EASGATE_PROPERTY_SEEDS", 2000);
    for (unsigned long seed = 1; seed <= seeds; ++seed) {
        play(seed);
    }
}
