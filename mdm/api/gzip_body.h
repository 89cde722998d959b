/// Another body, compressed with gzip (RFC 1952) on the way.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proxy/server/simple.h"

namespace eg::mdm {

/// Whether an Accept-Encoding value allows gzip (RFC 9110 12.5.3): named, or by `*`, and not with
/// q=0.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);

class GzipBody final : public server::BodySource {
  public:
    explicit GzipBody(std::unique_ptr<server::BodySource> plain);
    ~GzipBody() override;
    GzipBody(const GzipBody&) = delete;
    GzipBody& operator=(const GzipBody&) = delete;

    bool read(std::string& out, bool& failed) override;

  private:
    struct Stream;
    std::unique_ptr<server::BodySource> plain_;
    std::unique_ptr<Stream> stream_;
    std::string piece_;
    bool ended_ = false;
};

}  // namespace eg::mdm
