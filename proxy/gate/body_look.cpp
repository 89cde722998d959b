#include "proxy/gate/body_look.h"

namespace eg::gate {

using filters::Reason;

filters::Verdict BodyLook::look(std::string_view input) {
    ++looks_;
    input.remove_prefix(consumed_);
    while (!reader_.done()) {
        const auto piece = reader_.next(input);
        if (!piece) {
            return filters::refuse(Reason::malformed, "framing");
        }
        consumed_ += piece->consumed;
        bytes_ += piece->data.size();
        if (bytes_ > kMostLookedAt) {
            return too_long();
        }
        const Reason reason =
            std::visit([&](auto& judge) { return judge.feed(piece->data); }, judge_);
        if (reason != Reason::none) {
            return filters::refuse(reason, name_);
        }
        input.remove_prefix(piece->consumed);
        if (piece->consumed == 0) {
            return {};
        }
    }
    if (bytes_ == 0) {
        return {};  // what an empty body means depends on the request
    }
    const Reason reason = std::visit([](auto& judge) { return judge.finish(); }, judge_);
    return reason == Reason::none ? filters::Verdict() : filters::refuse(reason, name_);
}

}  // namespace eg::gate
