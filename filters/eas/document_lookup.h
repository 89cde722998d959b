/// The body of a Search or ItemOperations request, judged piece by piece: does it stay within the
/// mailbox and the address list?
///
/// Through both commands Exchange also fetches files of Windows shares and SharePoint, with no more
/// than the user's password: Search in the store `DocumentLibrary`, ItemOperations in that or by a
/// `LinkId` ([MS-ASCMD] 2.2.1.16 and 2.2.1.10). What can't be told for certain is refused.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "filters/eas/command.h"
#include "filters/eas/wbxml_reader.h"
#include "filters/verdict.h"

namespace eg::filters::eas {

/// A longer body is not judged. Those of phones have some hundred bytes.
inline constexpr std::size_t kMostLookupBytes = 64 * 1024;

/// Whether a command can look up documents.
[[nodiscard]] constexpr bool may_look_up_documents(Command command) {
    return command == Command::search || command == Command::item_operations;
}

/// Value; nothing is allocated.
class LookupJudge {
  public:
    explicit LookupJudge(Command command);

    /// The next piece of the body; any way of cutting it gives the same result. Reason::none: no
    /// objection so far. After another one the judge is of no more use.
    ///
    /// bad_request: not ActiveSync's WBXML, a tag that it doesn't assign, or a root after
    /// kRootBytes (as for every other command). body_root: the root of
    /// another command. body_too_large: more than kMostLookupBytes. document_lookup: a store other
    /// than the mailbox and the address list, or any tag of DocumentLibrary.
    [[nodiscard]] Reason feed(std::string_view piece);
    /// After the last piece: the same for the whole.
    [[nodiscard]] Reason finish();
    /// What the objection was, for `explain`; static text.
    [[nodiscard]] const char* detail() const { return detail_; }

  private:
    Reason take(const WbxmlReader::Event& event);
    Reason refuse(Reason reason, const char* what);

    WbxmlReader reader_;
    Tag root_;
    std::array<char, 8> store_{};  // longer ones are none of those that pass
    std::size_t store_bytes_ = 0;
    std::size_t bytes_ = 0;  // of the body so far
    std::size_t read_ = 0;   // of them, what the reader has taken
    Reason reason_ = Reason::none;
    const char* detail_ = "";
};

}  // namespace eg::filters::eas
