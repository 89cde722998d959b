/// The body of an EWS request, judged piece by piece: exactly a push subscription passes
/// ([MS-OXWSNTIF] 3.1.4.3), and nothing else.
///
/// Expat reads the XML; what an element may hold stands in a table. Whatever the table doesn't
/// know is refused: other operations, SOAP headers that act for others, xsi:type, DOCTYPE,
/// comments, processing instructions, any encoding but UTF-8, folders other than the inbox.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/verdict.h"

namespace eg::filters::ews {

/// A longer body is no subscription.
inline constexpr std::size_t kMostBodyBytes = 64 * 1024;

class SoapJudge {
  public:
    /// `push_hosts` as in Rules; it outlives the judge.
    explicit SoapJudge(const std::vector<std::string>& push_hosts);
    ~SoapJudge();
    SoapJudge(SoapJudge&&) noexcept;
    SoapJudge& operator=(SoapJudge&&) noexcept;

    /// The next piece of the body; any way of cutting it gives the same result. Reason::none: no
    /// objection so far. After another one the judge is of no more use.
    ///
    /// bad_request: not well-formed XML. ews: no permitted subscription, or too long.
    /// ews_push_host: all is well but for the host of its URL.
    [[nodiscard]] Reason feed(std::string_view piece);
    /// After the last piece: the same for the whole.
    [[nodiscard]] Reason finish();
    /// What the objection was, for the debug log and `explain`; static text.
    [[nodiscard]] const char* detail() const;

  private:
    struct Inner;
    std::unique_ptr<Inner> inner_;
};

}  // namespace eg::filters::ews
