/// The body of an Autodiscover request of version 1, read piece by piece ([MS-ASCMD] 2.2.1.1).
///
/// Expat reads the XML. What isn't a request for ActiveSync is told apart only as far as the answer
/// differs; nothing of it is refused, since it is answered here and reaches no mail server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "filters/verdict.h"

namespace eg::filters::autodiscover {

/// A longer body is no request.
inline constexpr std::size_t kMostBodyBytes = 64 * 1024;
/// A longer address is none (RFC 5321 4.5.3.1.3, in octets, without the brackets).
inline constexpr std::size_t kMostAddressBytes = 254;

/// What a request asks for.
enum class Asked : std::uint8_t {
    active_sync,  // how ActiveSync is reached, for an address
    other,        // a schema that is not ActiveSync's, as Outlook's
    nothing,      // no request at all
};

class RequestReader {
  public:
    RequestReader();
    ~RequestReader();
    RequestReader(RequestReader&&) noexcept;
    RequestReader& operator=(RequestReader&&) noexcept;

    /// The next piece of the body; any way of cutting it gives the same result. body_too_large, or
    /// none.
    [[nodiscard]] Reason feed(std::string_view piece);
    /// After the last piece.
    [[nodiscard]] Reason finish();

    /// After finish(). Not well-formed, another encoding than UTF-8, a DOCTYPE, elements that a
    /// request doesn't have or has twice, no address: `nothing`.
    [[nodiscard]] Asked asked() const;
    /// The address as the request gives it, where it asks for active_sync: has one '@', no control
    /// byte and no white space. Whose it is isn't known.
    [[nodiscard]] const std::string& address() const;

  private:
    struct Inner;
    std::unique_ptr<Inner> inner_;
};

/// Whether `text` may be a mail address: one '@' with something on both sides, UTF-8, no control
/// byte, white space, slash or other byte that a mail address would have to quote, at most
/// kMostAddressBytes.
[[nodiscard]] bool is_address(std::string_view text);

}  // namespace eg::filters::autodiscover
