#include "proxy/commands/devices.h"

#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "proxy/base/json.h"
#include "proxy/commands/node_list.h"

namespace eg::commands {
namespace {

std::string shown_users(const json_t* users) {
    if (json_array_size(users) == 0) {
        return "(any)";
    }
    std::string text;
    for (std::size_t i = 0; i < json_array_size(users); ++i) {
        text += (i > 0 ? ", " : "") + shown(json_array_get(users, i));
    }
    return text;
}

/// Takes the array apart line by line (the node writes one object a line) and prints a table.
class Table {
  public:
    void add(std::string_view piece) {
        pending_.append(piece);
        std::size_t begin = 0;
        for (std::size_t end = pending_.find('\n'); end != std::string::npos;
             end = pending_.find('\n', begin)) {
            add_line(std::string_view(pending_).substr(begin, end - begin));
            begin = end + 1;
        }
        pending_.erase(0, begin);
    }
    [[nodiscard]] std::uint64_t rows() const { return rows_; }

  private:
    void add_line(std::string_view line) {
        if (line.ends_with(',')) {
            line.remove_suffix(1);
        }
        const Json object(json_loadb(line.data(), line.size(), 0, nullptr));
        if (!json_is_object(object.get())) {
            return;  // a bracket
        }
        if (rows_++ == 0) {
            print_row("DEVICE", "STATE", "INSTANCE", "USERS", "REASON");
        }
        const auto value = [&object](const char* key) {
            return shown(json_object_get(object.get(), key));
        };
        print_row(value("id"), value("state"), value("instance"),
                  shown_users(json_object_get(object.get(), "users")), value("reason"));
    }
    static void print_row(std::string_view id, std::string_view state, std::string_view instance,
                          std::string_view users, std::string_view reason) {
        std::string row =
            fmt::format("{:<34} {:<13} {:<16} {:<28} {}", id, state, instance, users, reason);
        row.erase(row.find_last_not_of(' ') + 1);
        fmt::print("{}\n", row);
    }

    std::string pending_;
    std::uint64_t rows_ = 0;
};

}  // namespace

int devices(const DevicesOptions& options) {
    const auto socket = control_socket(options.config);
    if (!socket) {
        complain(socket.error());
        return 1;
    }
    Table table;
    bool found = false;
    const std::string target =
        target_of("/devices", {{"id", options.id}, {"instance", options.instance}});
    const auto answered = fetch(*socket, target, [&](std::string_view piece) {
        found = found || piece.find('{') != std::string_view::npos;
        if (options.json) {
            std::fwrite(piece.data(), 1, piece.size(), stdout);
        } else {
            table.add(piece);
        }
    });
    if (!answered) {
        complain(answered.error());
        return 1;
    }
    if (*answered == 404) {
        complain(fmt::format("no instance '{}' on this node", options.instance));
        return 1;
    }
    if (!found) {
        complain(options.id.empty() ? "no device states are in force"
                                    : "no such device among the states in force");
    }
    return found ? 0 : 1;
}

}  // namespace eg::commands
