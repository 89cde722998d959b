/// The command line of easgate-mdm: which command, which options. What they do stands in commands/.
#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mdm/commands/commands.h"
#include "mdm/store/device_rules.h"

namespace {

using namespace eg::mdm;

/// What was typed; the command that was chosen uses its part.
struct Options {
    std::string config = "/etc/easgate/mdm.yaml";
    ListFormat format = ListFormat::text;
    InstanceOptions instance;
    DeviceOptions device;
    std::string csv_file;
    std::vector<std::string> users;
    bool any_user = false;
    std::vector<std::string> keys;
    bool any_key = false;
    std::string state;
    std::string reason;
};

constexpr const char* kConfigNote = "Every command takes --config FILE (/etc/easgate/mdm.yaml).";

/// Runs the chosen command; empty until one is parsed.
using Chosen = std::function<int()>;

void add_format(CLI::App* command, Options& options) {
    command
        ->add_option_function<std::string>(
            "--format",
            [&options](const std::string& word) {
                options.format = word == "json" ? ListFormat::json : ListFormat::text;
            },
            "how to print; text unless given")
        ->check(CLI::IsMember({"text", "json"}))
        ->option_text("text|json");
}

void add_instance_name(CLI::App* command, Options& options) {
    command->add_option("--instance", options.device.instance,
                        "name of the instance; may be left out where there is only one");
}

CLI::App* add_command(CLI::App& parent, const char* name, const char* what, Chosen& chosen,
                      Chosen action) {
    CLI::App* command = parent.add_subcommand(name, what);
    command->fallthrough()->footer(kConfigNote);
    command->callback([&chosen, action = std::move(action)] { chosen = action; });
    return command;
}

/// Turns the options of `device add` and `device set` into what is to be changed; CLI11 tells an
/// option that was given from one that was not.
DeviceOptions change_of(const CLI::App& command, const Options& options) {
    DeviceOptions wanted = options.device;
    if (command.count("--user") > 0) {
        wanted.change.users = options.users;
    } else if (options.any_user) {
        wanted.change.users.emplace();
    }
    if (command.count("--key") > 0) {
        wanted.change.keys.emplace();
        for (const std::string& key : options.keys) {
            wanted.change.keys->push_back(eg::device::parse_key(key).value());  // checked by CLI11
        }
    } else if (options.any_key) {
        wanted.change.keys.emplace();
    }
    if (command.count("--state") > 0) {
        wanted.change.state = state_of_word(options.state);
    }
    if (command.count("--reason") > 0) {
        wanted.change.reason = options.reason;
    }
    return wanted;
}

void add_change_options(CLI::App* command, Options& options) {
    command->add_option("ID", options.device.id, "device id, as the phone sends it")->required();
    add_instance_name(command, options);
    auto* user =
        command->add_option("--user", options.users,
                            "who may use the device: alice, CORP\\alice or alice@corp.example; "
                            "as often as needed");
    user->expected(1)->take_all();
    command->add_flag("--any-user", options.any_user, "any user may use the device")
        ->excludes(user);
    auto* key = command->add_option(
        "--key", options.keys,
        "SHA-256 of a client public key that may use the device, where `bind: certificate` is set; "
        "as often as needed");
    key->expected(1)->take_all()->check([](const std::string& text) {
        return eg::device::parse_key(text) ? "" : "a key is 64 hexadecimal digits";
    });
    command->add_flag("--any-key", options.any_key, "the MDM server names no key")->excludes(key);
    command->add_option("--state", options.state, "allow, deny, non_compliant or wipe")
        ->check(CLI::IsMember({"allow", "deny", "non_compliant", "wipe"}))
        ->option_text("STATE");
    command->add_option("--reason", options.reason, "why, for administrators");
}

void add_instance_commands(CLI::App& app, Options& options, Chosen& chosen) {
    CLI::App* instance =
        app.add_subcommand("instance", "the instances of the gate and their identities");
    instance->require_subcommand(1)->fallthrough();
    auto* add = add_command(*instance, "add", "upload the identity certificate of an instance",
                            chosen, [&] { return add_instance(options.config, options.instance); });
    add->add_option("NAME", options.instance.name, "as in easgate.yaml")->required();
    add->add_option("--certificate", options.instance.certificate_file, "PEM file")->required();
    add->add_flag("--replace", options.instance.replace,
                  "a renewed certificate for an instance that exists; its devices stay");
    auto* list = add_command(*instance, "list", "list the instances", chosen,
                             [&] { return list_instances(options.config, options.format); });
    add_format(list, options);
    auto* remove =
        add_command(*instance, "remove", "remove an instance with its devices", chosen,
                    [&] { return remove_instance(options.config, options.instance.name); });
    remove->add_option("NAME", options.instance.name, "as in `instance list`")->required();
}

void add_device_commands(CLI::App& app, Options& options, Chosen& chosen) {
    CLI::App* device = app.add_subcommand("device", "the devices and their states");
    device->require_subcommand(1)->fallthrough();
    const auto add_changing = [&](const char* name, const char* what, auto action) {
        CLI::App* command = device->add_subcommand(name, what);
        command->fallthrough()->footer(kConfigNote);
        add_change_options(command, options);
        command->callback([&, command, action] {
            chosen = [&, command, action] {
                return action(options.config, change_of(*command, options));
            };
        });
    };
    add_changing("add", "list a device; without --state it is allowed, without --user for any user",
                 add_device);
    add_changing("set", "change a device; what isn't given stays", set_device);
    auto* list = add_command(*device, "list", "list the devices", chosen, [&] {
        return list_devices(options.config, options.device.instance, options.format);
    });
    list->add_option("--instance", options.device.instance, "only those of this instance");
    add_format(list, options);
    auto* import = add_command(
        *device, "import", "add or change the devices of a CSV file: id,users,state,reason,keys",
        chosen,
        [&] { return import_devices(options.config, options.device.instance, options.csv_file); });
    import
        ->add_option("FILE", options.csv_file,
                     "its first line names the columns; users are separated by ;, keys by a space")
        ->required();
    add_instance_name(import, options);
    auto* remove = add_command(*device, "remove", "take a device off the list", chosen,
                               [&] { return remove_device(options.config, options.device); });
    remove->add_option("ID", options.device.id, "device id")->required();
    add_instance_name(remove, options);
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    Chosen chosen;
    CLI::App app("easgate-mdm: tells the gates which devices may fetch mail", "easgate-mdm");
    app.require_subcommand(1);
    app.add_option("--config", options.config, "configuration file")->capture_default_str();
    add_command(app, "init", "make the database", chosen, [&] { return init(options.config); });
    add_command(app, "run", "serve the gates, in the foreground", chosen,
                [&] { return run(options.config); });
    auto* status_command =
        add_command(app, "status", "what the database and the server know", chosen,
                    [&] { return status(options.config, options.format); });
    add_format(status_command, options);
    add_instance_commands(app, options, chosen);
    add_device_commands(app, options, chosen);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kSuccess : kUsage;
    }
    return chosen();
}
