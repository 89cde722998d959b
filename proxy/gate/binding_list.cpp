#include "proxy/gate/binding_list.h"

#include <iterator>

#include <fmt/format.h>

#include "proxy/device/record.h"
#include "proxy/log/escape.h"

namespace eg::gate {
namespace {

/// Those of which `chosen` says so.
template <typename Chosen>
std::string array_of(std::span<const InstanceBindings> all, Chosen&& chosen) {
    std::string out = "[";
    for (const InstanceBindings& one : all) {
        if (one.bindings == nullptr) {
            continue;
        }
        for (const device::StoredBinding& binding : one.bindings->list()) {
            if (!chosen(*one.bindings, binding)) {
                continue;
            }
            out.append(out.size() > 1 ? ",\n" : "\n").append("{\"instance\":");
            log::append_json_string(out, one.instance);
            out.append(",\"device\":");
            log::append_json_string(out, binding.id);
            out.append(",\"user\":");
            log::append_json_string(out, binding.user);
            fmt::format_to(std::back_inserter(out), ",\"key\":\"{}\",\"since\":{}}}",
                           binding.key ? device::key_text(*binding.key) : "", binding.since);
        }
    }
    return out + "\n]\n";
}

}  // namespace

std::string list_bindings_json(std::span<const InstanceBindings> all) {
    return array_of(all, [](Bindings&, const auto&) { return true; });
}

std::string remove_binding_json(std::span<const InstanceBindings> all, std::string_view id) {
    const std::string wanted = device::canonical_id(id);
    return array_of(all, [&wanted](Bindings& bindings, const auto& binding) {
        return binding.id == wanted && bindings.remove(wanted);
    });
}

}  // namespace eg::gate
