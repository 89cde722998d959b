#include "proxy/gate/admin.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "proxy/gate/binding_list.h"
#include "proxy/gate/cut_offs.h"
#include "proxy/gate/device_list.h"
#include "proxy/gate/lockout_list.h"
#include "proxy/gate/prometheus.h"
#include "proxy/http/target.h"

namespace eg::gate {
namespace {

using server::SimpleResponse;

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kJsonLines = "application/x-ndjson";

SimpleResponse make_answer(unsigned status, std::string_view type, std::string body) {
    SimpleResponse response;
    response.status = status;
    response.fields = {{"Content-Type", std::string(type)}, {"Cache-Control", "no-store"}};
    response.body = std::move(body);
    return response;
}

/// The parameters that a page knows; each at most once.
class Query {
  public:
    struct Parameter {
        std::string_view name;
        std::optional<std::string> value;
    };
    explicit Query(std::span<Parameter> known) : known_(known) {}

    /// False for a parameter that is unknown, repeated, or not decodable.
    [[nodiscard]] bool read(std::string_view query) {
        while (!query.empty()) {
            const std::string_view part = query.substr(0, query.find('&'));
            query.remove_prefix(std::min(part.size() + 1, query.size()));
            if (!part.empty() && !read_one(part)) {
                return false;
            }
        }
        return true;
    }

  private:
    bool read_one(std::string_view part) {
        const std::size_t equals = part.find('=');
        if (equals == std::string_view::npos) {
            return false;
        }
        for (Parameter& parameter : known_) {
            if (parameter.name == part.substr(0, equals) && !parameter.value) {
                parameter.value = http::percent_decode(part.substr(equals + 1));
                return parameter.value.has_value();
            }
        }
        return false;
    }
    std::span<Parameter> known_;
};

SimpleResponse bad_query() {
    return make_answer(400, kText, "Unknown, repeated or unreadable parameter.\n");
}

SimpleResponse healthz(const NodeView& /*node*/, std::string_view /*query*/) {
    return make_answer(200, kText, "ok\n");
}

SimpleResponse ready_answer(bool ready, const std::string& reason) {
    return ready ? make_answer(200, kText, "ready\n")
                 : make_answer(503, kText, (reason.empty() ? "not ready" : reason) + "\n");
}

SimpleResponse readyz(const NodeView& node, std::string_view query) {
    std::array<Query::Parameter, 1> known = {{{"instance", {}}}};
    if (!Query(known).read(query)) {
        return bad_query();
    }
    const NodeStatus status = node.status();
    if (status.draining) {
        return ready_answer(false, "draining");
    }
    if (!known[0].value) {
        return ready_answer(status.ready, status.reason);
    }
    for (const InstanceStatus& instance : status.instances) {
        if (instance.name == *known[0].value) {
            return ready_answer(instance.ready, instance.reason);
        }
    }
    return make_answer(404, kText, "No such instance.\n");
}

SimpleResponse metrics(const NodeView& node, std::string_view /*query*/) {
    return make_answer(200, kPrometheusContentType,
                       render_prometheus(node.status(), node.metrics(), node.log_counts()));
}

SimpleResponse status(const NodeView& node, std::string_view query) {
    std::array<Query::Parameter, 1> known = {{{"format", {}}}};
    if (!Query(known).read(query)) {
        return bad_query();
    }
    const std::string format = known[0].value.value_or("json");
    if (format == "json") {
        return make_answer(200, kJson, render_json(node.status()));
    }
    return format == "text" ? make_answer(200, kText, render_text(node.status())) : bad_query();
}

SimpleResponse devices(const NodeView& node, std::string_view query) {
    std::array<Query::Parameter, 2> known = {{{"id", {}}, {"instance", {}}}};
    if (!Query(known).read(query)) {
        return bad_query();
    }
    std::vector<InstanceTable> tables;
    for (const InstanceStatus& instance : node.status().instances) {
        if (!known[1].value || instance.name == *known[1].value) {
            tables.push_back({instance.name, node.table(instance.name)});
        }
    }
    if (tables.empty()) {
        return make_answer(404, kText, "No such instance.\n");
    }
    SimpleResponse response = make_answer(200, kJson, "");
    if (known[0].value) {
        response.body = find_device_json(tables, *known[0].value);
    } else {
        response.source = list_devices_json(std::move(tables));
    }
    return response;
}

/// Whom enforcing would cut off at the instances that observe.
SimpleResponse preview(const NodeView& node, std::string_view query) {
    if (!query.empty()) {
        return bad_query();
    }
    std::string lines;
    for (const InstanceStatus& instance : node.status().instances) {
        if (instance.cut_offs != nullptr) {
            lines += instance.cut_offs->json_lines(instance.name);
        }
    }
    return make_answer(200, kJsonLines, std::move(lines));
}

/// The shields of the instance `name`, or of all; nothing if there is no such instance.
std::optional<std::vector<InstanceShield>> shields_of(const NodeView& node,
                                                      const std::optional<std::string>& name) {
    std::vector<InstanceShield> shields = node.shields();
    if (name) {
        std::erase_if(shields, [&](const auto& one) { return one.instance != *name; });
        if (shields.empty()) {
            return std::nullopt;
        }
    }
    return shields;
}

SimpleResponse lockouts(const NodeView& node, std::string_view query) {
    std::array<Query::Parameter, 1> known = {{{"instance", {}}}};
    if (!Query(known).read(query)) {
        return bad_query();
    }
    const auto shields = shields_of(node, known[0].value);
    return shields ? make_answer(200, kJson, list_lockouts_json(*shields))
                   : make_answer(404, kText, "No such instance.\n");
}

SimpleResponse lift_lockouts(const NodeView& node, std::string_view query) {
    std::array<Query::Parameter, 2> known = {{{"instance", {}}, {"name", {}}}};
    if (!Query(known).read(query)) {
        return bad_query();
    }
    const auto shields = shields_of(node, known[0].value);
    return shields ? make_answer(200, kJson, lift_lockouts_json(*shields, known[1].value))
                   : make_answer(404, kText, "No such instance.\n");
}

SimpleResponse bindings_of(const NodeView& node, const std::optional<std::string>& instance,
                           const std::optional<std::string>& remove) {
    std::vector<InstanceBindings> all = node.bindings();
    if (instance) {
        std::erase_if(all, [&](const auto& one) { return one.instance != *instance; });
    }
    if (all.empty()) {
        return make_answer(404, kText, "No such instance.\n");
    }
    return make_answer(200, kJson,
                       remove ? remove_binding_json(all, *remove) : list_bindings_json(all));
}

SimpleResponse bindings(const NodeView& node, std::string_view query) {
    std::array<Query::Parameter, 1> known = {{{"instance", {}}}};
    return Query(known).read(query) ? bindings_of(node, known[0].value, std::nullopt) : bad_query();
}

SimpleResponse remove_binding(const NodeView& node, std::string_view query) {
    std::array<Query::Parameter, 2> known = {{{"instance", {}}, {"id", {}}}};
    return Query(known).read(query) && known[1].value
               ? bindings_of(node, known[0].value, known[1].value)
               : bad_query();
}

using Show = SimpleResponse (*)(const NodeView& node, std::string_view query);

struct Page {
    std::string_view path;
    bool anyone;  // also at the admin port
    Show show;
    Show remove = nullptr;  // what DELETE does
};
constexpr std::array<Page, 8> kPages = {{
    {"/healthz", true, healthz},
    {"/readyz", true, readyz},
    {"/metrics", true, metrics},
    {"/status", true, status},
    {"/devices", false, devices},
    {"/preview", false, preview},
    {"/bindings", false, bindings, remove_binding},
    {"/lockouts", false, lockouts, lift_lockouts},
}};

}  // namespace

std::size_t AdminHandler::body_limit(const http::RequestHead& /*head*/) const {
    return 0;
}

SimpleResponse AdminHandler::answer(const http::RequestHead& head) const {
    for (const Page& page : kPages) {
        if (page.path != head.path || (!page.anyone && face_ != AdminFace::control_socket)) {
            continue;
        }
        if (head.method == http::Method::get || head.method == http::Method::head) {
            return page.show(node_, head.query);
        }
        if (head.method == http::Method::remove && page.remove != nullptr) {
            return page.remove(node_, head.query);
        }
        const std::string allowed = page.remove == nullptr ? "GET, HEAD" : "GET, HEAD, DELETE";
        SimpleResponse response = make_answer(405, kText, "Only " + allowed + ".\n");
        response.fields.emplace_back("Allow", allowed);
        return response;
    }
    return make_answer(404, kText, "Not found.\n");
}

void AdminHandler::handle(const server::SimpleRequest& request, server::Reply reply) {
    reply.send(answer(request.head));
}

}  // namespace eg::gate
