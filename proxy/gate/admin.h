/// The administration endpoint: health, readiness, metrics and status over HTTP.
///
/// Two faces of one handler: the admin port names no device and no user; the control socket, which
/// only the node's own user can open, also lists the device states. Handlers hold no state and
/// answer at once, on the worker that got the request.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/gate/node_view.h"
#include "proxy/server/simple.h"

namespace eg::gate {

enum class AdminFace : std::uint8_t { admin_port, control_socket };

/// GET and HEAD of: /healthz, /readyz[?instance=NAME], /metrics, /status; on the control socket
/// also /devices[?id=ID][&instance=NAME], and /lockouts[?instance=NAME], of which DELETE, with
/// [&name=USER-OR-DEVICE], takes entries out; and
/// /bindings[?instance=NAME], of which DELETE, with ?id=ID, takes a device's out. Other methods
/// 405, other paths 404.
class AdminHandler final : public server::Handler {
  public:
    /// `node` outlives the handler.
    AdminHandler(const NodeView& node, AdminFace face) : node_(node), face_(face) {}
    [[nodiscard]] std::size_t body_limit(const http::RequestHead& head) const override;
    void handle(const server::SimpleRequest& request, server::Reply reply) override;
    /// The answer to a request: what handle() sends.
    [[nodiscard]] server::SimpleResponse answer(const http::RequestHead& head) const;

  private:
    const NodeView& node_;
    AdminFace face_;
};

}  // namespace eg::gate
