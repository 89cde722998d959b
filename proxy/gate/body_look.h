/// The body of a request while it is judged whole: it stays in the connection's buffer, from where
/// it is sent on unchanged.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "filters/autodiscover/request.h"
#include "filters/eas/document_lookup.h"
#include "filters/ews/soap.h"
#include "filters/verdict.h"
#include "proxy/http/framing.h"

namespace eg::gate {

/// No body that is judged whole may be longer.
inline constexpr std::size_t kMostLookedAt = 64 * 1024;
static_assert(filters::ews::kMostBodyBytes == kMostLookedAt &&
              filters::eas::kMostLookupBytes == kMostLookedAt);

class BodyLook {
  public:
    using Judge = std::variant<filters::ews::SoapJudge, filters::eas::LookupJudge,
                               filters::autodiscover::RequestReader>;

    /// `name`: static, of the filter that objects. `too_long`: the reason for a body that is.
    BodyLook(Judge body_judge, const char* name, filters::Reason too_long,
             const http::BodyReader& body)
        : judge_(std::move(body_judge)), name_(name), too_long_(too_long), reader_(body) {}

    /// Judges what came since the last call; `input` holds the body from its start, and what
    /// follows it.
    [[nodiscard]] filters::Verdict look(std::string_view input);
    /// The objection to a body that is longer than can be looked at.
    [[nodiscard]] filters::Verdict too_long() const { return filters::refuse(too_long_, name_); }

    /// Nothing of the body is missing; look() has judged the whole.
    [[nodiscard]] bool done() const { return reader_.done(); }
    /// Of the body itself, so far.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    /// How often look() was called.
    [[nodiscard]] unsigned looks() const { return looks_; }
    [[nodiscard]] const Judge& judge() const { return judge_; }

  private:
    Judge judge_;
    const char* name_;
    filters::Reason too_long_;
    http::BodyReader reader_;
    std::size_t consumed_ = 0;  // of the input, framing included
    std::size_t bytes_ = 0;
    unsigned looks_ = 0;
};

}  // namespace eg::gate
