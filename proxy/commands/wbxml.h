/// `easgate wbxml`: ActiveSync's binary XML for people.
#pragma once

#include <string>

namespace eg::commands {

struct WbxmlOptions {
    bool encode = false;       // XML in, bytes out; else the other way
    bool hex = false;          // encode writes hexadecimal digits
    std::string source = "-";  // hexadecimal digits, a file, or "-" for standard input
};

/// 0; 1 if the document is malformed; 64 if it can't be read.
[[nodiscard]] int wbxml(const WbxmlOptions& options);

}  // namespace eg::commands
