#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "certs/identity.h"
#include "certs/pem.h"
#include "mdm/commands/commands.h"
#include "mdm/commands/table.h"
#include "mdm/json_text.h"
#include "mdm/store/devices.h"
#include "mdm/store/instances.h"

namespace eg::mdm {
namespace {

/// The certificate alone is uploaded: a private key in the file is a mistake worth stopping.
Outcome<NewInstance> read_certificate(const InstanceOptions& options) {
    const Outcome<std::string> text = read_text_file(options.certificate_file);
    if (!text) {
        return std::unexpected(text.error());
    }
    if (text->find("PRIVATE KEY-----") != std::string::npos) {
        return failed(
            FailureKind::invalid,
            fmt::format("{} holds a private key; only the certificate belongs here, the key stays "
                        "with the gate",
                        options.certificate_file));
    }
    const auto certificates = certs::load_certificates(options.certificate_file);
    if (!certificates) {
        return failed(FailureKind::invalid, certificates.error());
    }
    X509* leaf = certificates->front().get();
    const int days = certs::days_left(leaf);
    if (days < 0) {
        return failed(
            FailureKind::invalid,
            fmt::format("the certificate in {} ended {} days ago; make a new one with `easgate "
                        "cert instance`",
                        options.certificate_file, -days));
    }
    return NewInstance{options.name, certs::certificate_hash(leaf), *text};
}

std::int64_t sum_of(const StateCounts& counts) {
    return counts[0] + counts[1] + counts[2] + counts[3];  // all but tombstones
}

std::string json_line(const Instance& instance, std::int64_t devices) {
    std::string line = "{\"name\":";
    append_json_string(line, instance.name);
    fmt::format_to(std::back_inserter(line),
                   R"(,"devices":{},"certificate_sha256":"{}","created":"{}"}})", devices,
                   instance.certificate_hash, utc_time(instance.created));
    return line;
}

}  // namespace

int add_instance(const std::string& config_file, const InstanceOptions& options) {
    Outcome<Database> database = open_database(config_file);
    if (!database) {
        return report(database.error());
    }
    const Outcome<NewInstance> wanted = read_certificate(options);
    if (!wanted) {
        return report(wanted.error());
    }
    Instances instances(*database);
    const Outcome<Instance> done =
        options.replace ? instances.replace_certificate(*wanted) : instances.add(*wanted);
    if (!done) {
        return report(done.error());
    }
    const bool printed = print(fmt::format("{} instance {}, identity certificate SHA-256 {}\n",
                                           options.replace ? "renewed the certificate of" : "added",
                                           done->name, done->certificate_hash));
    return printed ? kSuccess : kFailure;
}

int list_instances(const std::string& config_file, ListFormat format) {
    Outcome<Database> database = open_database(config_file);
    if (!database) {
        return report(database.error());
    }
    const auto all = Instances(*database).list();
    if (!all) {
        return report(all.error());
    }
    Table table({"INSTANCE", "DEVICES", "ADDED", "CERTIFICATE SHA-256"});
    std::string json;
    for (const Instance& instance : *all) {
        const auto counts = Devices(*database).count(instance.id);
        if (!counts) {
            return report(counts.error());
        }
        table.add({instance.name, fmt::to_string(sum_of(*counts)), local_time(instance.created),
                   instance.certificate_hash});
        json += (json.empty() ? "" : ",\n ") + json_line(instance, sum_of(*counts));
    }
    if (format == ListFormat::json) {
        return print(fmt::format("[{}]\n", json)) ? kSuccess : kFailure;
    }
    if (all->empty()) {
        return print(
                   "no instance yet; add one with `easgate-mdm instance add NAME --certificate "
                   "FILE`\n")
                   ? kSuccess
                   : kFailure;
    }
    return print(table.take()) ? kSuccess : kFailure;
}

int remove_instance(const std::string& config_file, const std::string& name) {
    Outcome<Database> database = open_database(config_file);
    if (!database) {
        return report(database.error());
    }
    const Outcome<std::int64_t> devices = Instances(*database).remove(name);
    if (!devices) {
        return report(devices.error());
    }
    return print(fmt::format(
               "removed instance {} and its {} devices; its gates get no more device states\n",
               name, *devices))
               ? kSuccess
               : kFailure;
}

}  // namespace eg::mdm
