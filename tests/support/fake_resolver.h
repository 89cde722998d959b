/// A Resolver that knows what the test tells it, and answers when the test wants.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/ip.h"
#include "proxy/net/resolver.h"

namespace eg::test {

class FakeResolver final : public net::Resolver {
  public:
    /// What a name stands for from now on; nothing = no address.
    void set(const std::string& name, const std::vector<std::string>& addresses) {
        auto& known = known_[name];
        known.clear();
        for (const auto& text : addresses) {
            known.push_back(IpAddress::parse(text).value());
        }
    }
    /// Questions wait for answer_all() from now on.
    void hold() { holds_ = true; }
    void answer_all() {
        auto waiting = std::exchange(waiting_, {});
        for (auto& [name, loop, answer] : waiting) {
            send(name, *loop, std::move(answer));
        }
    }
    void resolve(const std::string& name, net::Loop& loop, Answer answer) override {
        ++questions_;
        if (holds_) {
            waiting_.push_back({name, &loop, std::move(answer)});
        } else {
            send(name, loop, std::move(answer));
        }
    }
    [[nodiscard]] std::size_t questions() const { return questions_; }

  private:
    struct Question {
        std::string name;
        net::Loop* loop;
        Answer answer;
    };
    void send(const std::string& name, net::Loop& loop, Answer answer) {
        loop.post([answer = std::move(answer), addresses = known_[name]] { answer(addresses); });
    }
    std::map<std::string, std::vector<IpAddress>> known_;
    std::vector<Question> waiting_;
    std::size_t questions_ = 0;
    bool holds_ = false;
};

}  // namespace eg::test
