#include "proxy/commands/version.h"

#include <jansson.h>
#include <zlib.h>

#include <string_view>

#include <curl/curl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>

#include "proxy/gate/version.h"

namespace eg::commands {
namespace {

std::string fmt_version() {
    return fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100);
}

}  // namespace

std::string version_text() {
    std::string text = fmt::format("easgate {}\n", gate::kVersion);
    const auto line = [&text](std::string_view name, std::string_view value) {
        text += fmt::format("  {:<10} {}\n", name, value);
    };
    line("build",
         fmt::format("{}, {} {}, C++23", EASGATE_BUILD_TYPE, EASGATE_COMPILER, __VERSION__));
    line("libevent", EASGATE_LIBEVENT_VERSION);
    line("OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING));
    line("libcurl", curl_version_info(CURLVERSION_NOW)->version);
    line("yaml-cpp", EASGATE_YAML_VERSION);
    line("jansson", jansson_version_str());
    line("fmt", fmt_version());
    line("zlib", zlibVersion());
    return text;
}

int version() {
    fmt::print("{}", version_text());
    return 0;
}

}  // namespace eg::commands
