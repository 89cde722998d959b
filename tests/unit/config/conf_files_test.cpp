// The files that ship in conf/, the JSON Schema and the reader agree.
#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "proxy/base/json.h"
#include "proxy/config/print.h"
#include "proxy/config/read.h"

namespace {

using namespace eg::config;
namespace fs = std::filesystem;

const fs::path kConf = fs::path(EASGATE_TESTS_DIR).parent_path() / "conf";

std::set<std::string> reader_keys() {
    return {known_keys().begin(), known_keys().end()};
}

void collect(const json_t* schema, const std::string& path, std::set<std::string>& keys) {
    const char* name = nullptr;
    json_t* value = nullptr;
    json_object_foreach(json_object_get(schema, "properties"), name, value) {
        const std::string key = path.empty() ? name : path + "." + name;
        keys.insert(key);
        collect(value, key, keys);
        if (const json_t* items = json_object_get(value, "items"); items != nullptr) {
            collect(items, key + "[]", keys);
        }
    }
}

}  // namespace

TEST_CASE("every YAML file for the proxy loads without an error or a warning") {
    int files = 0;
    for (const auto& entry : fs::directory_iterator(kConf)) {
        const fs::path file = entry.path();
        if (file.extension() != ".yaml" || file.filename() == "mdm.yaml") {
            continue;
        }
        CAPTURE(file.string());
        const auto read = read_file(file.string());
        REQUIRE(read.has_value());
        CHECK(render(read->problems, read->source) == "");
        ++files;
    }
    CHECK(files >= 2);
}

TEST_CASE("easgate.yaml names every key that the reader knows, and no other") {
    const auto read = read_file((kConf / "easgate.yaml").string());
    REQUIRE(read.has_value());
    std::set<std::string> named;
    for (const auto& [key, position] : read->positions) {
        // `instances[0]` is an element, not a key.
        std::string plain;
        for (std::size_t i = 0; i < key.size(); ++i) {
            plain += key[i];
            if (key[i] == '[') {
                i = key.find(']', i) - 1;
            }
        }
        if (!plain.ends_with(']')) {
            named.insert(plain);
        }
    }
    std::set<std::string> known = reader_keys();
    known.erase(
        "tls.pkcs12_password");  // shown as a comment: both it and its file would be an error
    CHECK(named == known);
    CHECK(read->source.find("# pkcs12_password: ") != std::string::npos);
}

TEST_CASE("the schema names every key that the reader knows, and no other") {
    json_error_t error;
    const eg::Json schema(
        json_load_file((kConf / "easgate.schema.json").c_str(), JSON_REJECT_DUPLICATES, &error));
    REQUIRE_MESSAGE(schema != nullptr, error.text);
    std::set<std::string> keys;
    collect(schema.get(), "", keys);
    CHECK(keys == reader_keys());
}

TEST_CASE("easgate.yaml shows the defaults") {
    const auto shown = read_file((kConf / "easgate.yaml").string());
    const auto minimal = read_file((kConf / "minimal.yaml").string());
    REQUIRE(shown.has_value());
    REQUIRE(minimal.has_value());
    // Both publish the same mail server, and easgate.yaml names the node.
    ReadResult expected = *minimal;
    expected.config.node.name = shown->config.node.name;
    CHECK(print(shown->config) == print(expected.config));
}
