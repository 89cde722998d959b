// Properties: any file of bindings is refused or read; with a right sum around any lines, what is
// read is written and read back the same.

#include <string>
#include <string_view>

#include "proxy/device/binding.h"
#include "proxy/device/digest.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace eg;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    (void)device::parse_bindings(bytes, "fuzz");
    std::string content(device::kBindingsMagic);
    content.append("fuzz\n").append(bytes);
    device::Digest digest;
    digest.add({reinterpret_cast<const unsigned char*>(content.data()), content.size()});
    content.append("sum ").append(device::key_text(digest.finish())).append("\n");
    if (const auto read = device::parse_bindings(content, "fuzz")) {
        const auto again = device::parse_bindings(device::write_bindings(*read, "fuzz"), "fuzz");
        EG_CHECK(again && again->size() == read->size());
        for (std::size_t i = 0; i < read->size(); ++i) {
            EG_CHECK((*again)[i].id == (*read)[i].id && (*again)[i].user == (*read)[i].user &&
                     (*again)[i].key == (*read)[i].key);
        }
    }
    return 0;
}
