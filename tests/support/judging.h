/// What tests of the filters have in common: heads from text, device tables from a few words, and
/// the data under tests/support/eas.
#pragma once

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/text.h"
#include "proxy/device/table.h"
#include "proxy/http/head.h"
#include "proxy/http/parse.h"

namespace eg::test {

/// A request head with the bytes that it points into. Neither copies nor moves.
class Request {
  public:
    explicit Request(std::string bytes) : bytes_(std::move(bytes)) {
        http::HeadScan scan;
        const auto taken = http::parse_request_head(bytes_, {}, scan, head_);
        if (!taken || *taken == 0) {
            throw std::invalid_argument("not a request: " + bytes_);
        }
        body_ = std::string_view(bytes_).substr(*taken);
    }
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    [[nodiscard]] const http::RequestHead& head() const { return head_; }
    [[nodiscard]] std::string_view body() const { return body_; }

  private:
    std::string bytes_;
    http::RequestHead head_;
    std::string_view body_;
};

using FieldList = std::initializer_list<std::pair<std::string_view, std::string_view>>;

inline std::string request_text(std::string_view method, std::string_view target,
                                FieldList fields = {}) {
    std::string text;
    text.append(method).append(" ").append(target).append(
        " HTTP/1.1\r\nHost: mail.example.com\r\n");
    for (const auto& [name, value] : fields) {
        text.append(name).append(": ").append(value).append("\r\n");
    }
    return text + "\r\n";
}

/// A POST to the path of ActiveSync.
inline std::string post(std::string_view query, FieldList fields = {}) {
    return request_text("POST", "/Microsoft-Server-ActiveSync?" + std::string(query), fields);
}

inline std::string basic(std::string_view credentials) {
    return "Basic " + base64_encode(credentials);
}

/// A token whose payload is `json`; header and signature are of no interest here.
inline std::string bearer(std::string_view json) {
    std::string payload = base64_encode(json);
    for (char& c : payload) {
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    }
    payload.resize(payload.find_last_not_of('=') + 1);
    return "Bearer e30." + payload + ".c2ln";
}

inline std::shared_ptr<const device::DeviceTable> table_of(
    const std::vector<device::Record>& records, device::FeedPolicy policy = {}) {
    device::DeviceTable::Builder builder;
    for (const device::Record& record : records) {
        builder.add(record);
    }
    return std::move(builder).build(policy);
}

inline std::filesystem::path eas_data(std::string_view name) {
    return std::filesystem::path(EASGATE_TESTS_DIR) / "support" / "eas" / name;
}

inline std::string read_all(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw std::runtime_error("cannot read " + path.string());
    }
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The rows of a file of tab-separated values; lines with '#' are comments.
inline std::vector<std::vector<std::string>> read_tsv(std::string_view name) {
    std::vector<std::vector<std::string>> rows;
    const std::string text = read_all(eas_data(name));
    std::string_view rest = text;
    while (!rest.empty()) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (line.empty() || line.front() == '#') {
            continue;
        }
        std::vector<std::string> row;
        while (true) {
            const std::size_t tab = line.find('\t');
            row.emplace_back(line.substr(0, tab));
            if (tab == std::string_view::npos) {
                break;
            }
            line.remove_prefix(tab + 1);
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

/// The bytes of hexadecimal digits; white space between them is skipped.
inline std::string from_hex(std::string_view digits) {
    std::string bytes;
    int high = -1;
    for (const char c : digits) {
        const int value = hex_value(c);
        if (value < 0) {
            continue;
        }
        if (high < 0) {
            high = value;
        } else {
            bytes += static_cast<char>(high << 4 | value);
            high = -1;
        }
    }
    return bytes;
}

}  // namespace eg::test
