#include "proxy/log/event.h"

#include <array>

#include "proxy/log/escape.h"
#include "proxy/log/stamp.h"

namespace eg::log {
namespace {

std::string_view level_word(Level level) {
    constexpr std::array<std::string_view, 4> kWords = {"debug", "info", "warning", "error"};
    return kWords.at(static_cast<std::size_t>(level));
}

}  // namespace

void append_event_line(std::string& out, const Event& event, std::string_view node, Format format) {
    if (format == Format::json) {
        out.append(kJsonStart);
        append_stamp(out, event.when);
        out.append(R"(","kind":"event","level":")").append(level_word(event.level));
        out.append(R"(","node":)");
        append_json_string(out, node);
        out.append(R"(,"area":)");
        append_json_string(out, event.area);
        out.append(R"(,"message":)");
        append_json_rest(out, event.message);
        out.append("}\n");
        return;
    }
    append_stamp(out, event.when);
    out.append(" ").append(level_word(event.level)).append(" ");
    append_word(out, node);
    out.append(" ");
    append_word(out, event.area);
    out.append(" ");
    append_rest(out, event.message);
    out.append("\n");
}

}  // namespace eg::log
