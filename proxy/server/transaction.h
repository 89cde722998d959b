/// One request and its response, as the connection sees it. All calls come on the worker's thread.
#pragma once

#include "proxy/base/error.h"
#include "proxy/http/head.h"

namespace eg::server {

class Transaction {
  public:
    virtual ~Transaction() = default;
    /// Once: the head of the request; its views are valid during this call only. The connection's
    /// input holds what follows the head.
    virtual void begin(const http::RequestHead& head) = 0;
    /// Instead of begin(): what came is no request that could be read. The transaction answers and
    /// the connection closes.
    virtual void reject(const Error& error) = 0;
    /// Something changed: bytes, room, time, upstream. Idempotent.
    virtual void advance() = 0;
    /// The answer is out, or given up; nothing more will be done.
    [[nodiscard]] virtual bool finished() const = 0;
    /// After finished(): another request may follow on the connection.
    [[nodiscard]] virtual bool keeps_connection() const = 0;
};

}  // namespace eg::server
