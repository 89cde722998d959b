/// Whether a Sync does nothing but wait for news: then an answer without content, which means
/// "nothing new", loses nothing ([MS-ASCMD] 2.2.1.21, empty Sync response).
#pragma once

#include <cstdint>
#include <string_view>

#include "filters/eas/wbxml_reader.h"

namespace eg::filters::eas {

/// From this version on a Sync can wait, its request may be empty (it repeats the one before), and
/// so may its answer.
inline constexpr std::uint16_t kFirstWaitingSync = 121;

/// Looks at the body of a Sync, piece by piece. A value; no thread rule; keeps nothing of the body.
class WaitingSyncReader {
  public:
    void feed(std::string_view piece);

    /// Once the whole body was fed: true only if it was understood to its end, asks to wait, and
    /// holds neither commands of the client (its changes would pass for accepted) nor a folder
    /// without a sync key (it needs the first one). Whatever is doubtful is no waiting Sync.
    [[nodiscard]] bool waits() const { return reader_.done() && waits_ && !wants_answer_; }

  private:
    void note(const WbxmlReader::Event& event);

    WbxmlReader reader_;
    bool waits_ = false;
    bool wants_answer_ = false;  // a real one; or it can't be understood
    bool key_is_new_ = false;    // the SyncKey that is open holds nothing, or nothing but zeros
};

}  // namespace eg::filters::eas
