/// `easgate explain`: what each filter decides about a request, offline.
#pragma once

#include <string>
#include <vector>

namespace eg::commands {

struct ExplainOptions {
    std::string config;
    std::string request;               // a request line, or @FILE with a whole head
    std::vector<std::string> headers;  // `Name: value`
    std::string instance;              // "" where there is only one
    std::string client_certificate;    // PEM file; "" = the client shows none
};

/// Prints one line a filter and the verdict. Device states come from the state file; without one
/// there are none. Returns the exit status: 0 permitted, 1 refused, 2 the configuration can't be
/// used, 64 no such instance or an unreadable FILE.
[[nodiscard]] int explain(const ExplainOptions& options);

}  // namespace eg::commands
