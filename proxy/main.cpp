/// `easgate`: reads the command line and calls the command. What the commands do stands in
/// proxy/commands and proxy/gate.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <expected>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "proxy/base/secret.h"
#include "proxy/commands/binding.h"
#include "proxy/commands/check.h"
#include "proxy/commands/devices.h"
#include "proxy/commands/explain.h"
#include "proxy/commands/phone.h"
#include "proxy/commands/preview.h"
#include "proxy/commands/status.h"
#include "proxy/commands/unblock.h"
#include "proxy/commands/version.h"
#include "proxy/commands/wbxml.h"
#include "proxy/gate/run.h"
#include "proxy/net/tls_memory.h"

namespace {

using namespace eg;

constexpr int kUsageError = 64;  // EX_USAGE of sysexits.h

/// Registers `--format text|json`; the flag says whether it is json.
void add_format(CLI::App& command, bool& json) {
    command
        .add_option_function<std::string>(
            "--format", [&json](const std::string& format) { json = format == "json"; },
            "text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->default_str("text");
}

/// A check for CLI11: what is wrong, or "".
std::string must_not_be_empty(const std::string& text) {
    return text.empty() ? "is empty" : "";
}

CLI::Option* add_config(CLI::App& command, std::string& config) {
    return command.add_option("--config", config, "the configuration file")->type_name("FILE");
}

/// What the command line asked for, and how it is run.
struct CommandLine {
    std::string run_config;
    commands::CheckOptions check;
    commands::ExplainOptions explain;
    commands::StatusOptions status;
    commands::DevicesOptions devices;
    commands::PreviewOptions preview;
    commands::UnblockOptions unblock;
    commands::BindingOptions binding;
    commands::PhoneOptions phone;
    commands::WbxmlOptions wbxml;
    std::string phone_password;
    std::string phone_password_file;
    std::string phone_steps = "all";
    int phone_ping_s = 60;
    int phone_timeout_s = 30;
    std::map<const CLI::App*, std::function<int()>> actions;
};

void add_run(CLI::App& app, CommandLine& line) {
    CLI::App* command = app.add_subcommand("run", "run the node in the foreground");
    add_config(*command, line.run_config)->required();
    line.actions[command] = [&line] { return gate::run_node(line.run_config); };
}

void add_check(CLI::App& app, CommandLine& line) {
    CLI::App* command = app.add_subcommand(
        "check", "validate the configuration file, certificates, keys and directories");
    add_config(*command, line.check.config)->required();
    command->add_flag("--online", line.check.online,
                      "also bind each port and reach each mail server and the MDM server");
    add_format(*command, line.check.json);
    line.actions[command] = [&line] { return commands::check(line.check); };
}

void add_explain(CLI::App& app, CommandLine& line) {
    CLI::App* command = app.add_subcommand(
        "explain", "say, offline, what each filter decides about a request, and which one refuses");
    commands::ExplainOptions& options = line.explain;
    add_config(*command, options.config)->required();
    command
        ->add_option("REQUEST", options.request,
                     "a request line, 'POST /Microsoft-Server-ActiveSync?... HTTP/1.1', or @FILE "
                     "with a whole head")
        ->required();
    command->add_option("--header", options.headers, "'Name: value', as often as needed")
        ->type_name("FIELD")
        ->take_all()
        ->allow_extra_args(false);
    command->add_option("--instance", options.instance, "where there are several")
        ->type_name("NAME");
    command
        ->add_option("--client-certificate", options.client_certificate,
                     "the certificate that the client shows, PEM")
        ->type_name("FILE");
    line.actions[command] = [&line] { return commands::explain(line.explain); };
}

void add_status(CLI::App& app, CommandLine& line) {
    CLI::App* command = app.add_subcommand("status", "show what the running node knows of itself");
    add_config(*command, line.status.config)->capture_default_str();
    add_format(*command, line.status.json);
    line.actions[command] = [&line] { return commands::status(line.status); };
}

void add_devices(CLI::App& app, CommandLine& line) {
    CLI::App* command =
        app.add_subcommand("devices", "show the device states in force on the running node");
    add_config(*command, line.devices.config)->capture_default_str();
    add_format(*command, line.devices.json);
    command->add_option("--instance", line.devices.instance, "of this instance only")
        ->type_name("NAME");
    command->add_option("DEVICE-ID", line.devices.id, "only this device");
    line.actions[command] = [&line] { return commands::devices(line.devices); };
}

void add_binding(CLI::App& app, CommandLine& line) {
    CLI::App* command =
        app.add_subcommand("binding", "the users and keys that devices are bound to on the node");
    command->require_subcommand(1);
    CLI::App* list = command->add_subcommand("list", "show them");
    CLI::App* remove =
        command->add_subcommand("remove", "let devices go: their next good use binds them anew");
    commands::BindingOptions& options = line.binding;
    for (CLI::App* one : {list, remove}) {
        add_config(*one, options.config)->capture_default_str();
        add_format(*one, options.json);
        one->add_option("--instance", options.instance, "of this instance only")->type_name("NAME");
    }
    remove->add_option("DEVICE-ID", options.devices, "as `list` shows it")
        ->required()
        ->check(must_not_be_empty);
    line.actions[command] = [&line] { return commands::binding(line.binding); };
}

void add_unblock(CLI::App& app, CommandLine& line) {
    CLI::App* command = app.add_subcommand(
        "unblock", "take entries out of the lock-out shield of the running node, and list them");
    commands::UnblockOptions& options = line.unblock;
    add_config(*command, options.config)->capture_default_str();
    add_format(*command, options.json);
    command->add_option("--instance", options.instance, "of this instance only")->type_name("NAME");
    CLI::Option_group* what = command->add_option_group("what");
    what->add_option("NAME", options.name, "a user, with or without domain, or a device")
        ->type_name("USER|DEVICE")
        ->check(must_not_be_empty);
    what->add_flag("--all", options.all, "every entry");
    what->add_flag("--list", options.list, "only show what is there");
    what->require_option(1);
    line.actions[command] = [&line] { return commands::unblock(line.unblock); };
}

void add_preview(CLI::App& app, CommandLine& line) {
    CLI::App* command = app.add_subcommand(
        "preview", "list whom enforcing would cut off, from the log or the running node");
    add_config(*command, line.preview.config)->required();
    add_format(*command, line.preview.json);
    command->add_option("--instance", line.preview.instance, "of this instance only")
        ->type_name("NAME");
    command->add_option("--days", line.preview.days, "how many days of the log are read")
        ->check(CLI::Range(1, 3660))
        ->capture_default_str();
    line.actions[command] = [&line] { return commands::preview(line.preview); };
}

/// A password on the command line stands in the list of processes; so a file or the environment.
std::expected<Secret, std::string> phone_password(const CommandLine& line) {
    if (!line.phone_password_file.empty()) {
        std::ifstream file(line.phone_password_file);
        std::string text;
        if (!std::getline(file, text)) {
            return std::unexpected("can't read a password from " + line.phone_password_file);
        }
        return Secret(std::move(text));
    }
    const char* variable = std::getenv(commands::kPhonePasswordVariable);
    return Secret(variable != nullptr ? std::string(variable) : line.phone_password);
}

int run_phone(CommandLine& line) {
    auto password = phone_password(line);
    const auto steps = commands::parse_phone_steps(line.phone_steps);
    if (!password || !steps) {
        fmt::print(stderr, "easgate phone: {}\n",
                   password ? "--steps: unknown or repeated step" : password.error());
        return kUsageError;
    }
    line.phone.password = std::move(*password);
    line.phone.steps = *steps;
    line.phone.ping = std::chrono::seconds(line.phone_ping_s);
    line.phone.timeout = std::chrono::seconds(line.phone_timeout_s);
    return commands::phone(line.phone);
}

void add_phone_connection(CLI::App& command, CommandLine& line) {
    commands::PhoneOptions& options = line.phone;
    command.add_option("--ca", options.ca_file, "authorities of the server, PEM")
        ->type_name("FILE");
    command.add_flag("--insecure", options.insecure, "take any server certificate");
    command.add_option("--client-certificate", options.client_certificate, "PEM")
        ->type_name("FILE");
    command.add_option("--client-key", options.client_key, "PEM")->type_name("FILE");
    command.add_option("--timeout", line.phone_timeout_s, "for any step but Ping")
        ->type_name("SECONDS")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
}

void add_phone(CLI::App& app, CommandLine& line) {
    CLI::App* command = app.add_subcommand(
        "phone", "a simulated phone: sign in, provision, sync, hold a Ping against a URL");
    commands::PhoneOptions& options = line.phone;
    command->add_option("URL", options.url, "https://host[:port][/path]")->required();
    command->add_option("--user", options.user, "alice, CORP\\alice or alice@corp.example");
    command->add_option("--password-file", line.phone_password_file, "first line")
        ->type_name("FILE");
    command->add_option("--password", line.phone_password,
                        fmt::format("seen by everyone on this machine; better: {}",
                                    commands::kPhonePasswordVariable));
    command->add_option("--device-id", options.device_id)->capture_default_str();
    command->add_option("--device-type", options.device_type)->capture_default_str();
    command->add_option("--user-agent", options.user_agent)->capture_default_str();
    command->add_option("--protocol", options.protocol)->capture_default_str();
    command->add_flag("--base64", options.base64, "the short form of the query");
    command
        ->add_option("--steps", line.phone_steps,
                     "options,provision,foldersync,sync,ping,sendmail or all")
        ->capture_default_str();
    command->add_option("--ping", line.phone_ping_s, "the heartbeat asked for")
        ->type_name("SECONDS")
        ->check(CLI::Range(1, 3600))
        ->capture_default_str();
    command->add_option("--to", options.mail_to, "whom to send the mail; default: the user")
        ->type_name("ADDRESS");
    add_phone_connection(*command, line);
    line.actions[command] = [&line] { return run_phone(line); };
}

void add_wbxml(CLI::App& app, CommandLine& line) {
    CLI::App* command = app.add_subcommand("wbxml", "ActiveSync's binary XML to XML, and back");
    command->require_subcommand(1);
    CLI::App* decode = command->add_subcommand("decode", "binary XML to XML");
    CLI::App* encode = command->add_subcommand("encode", "XML to binary XML, as bytes");
    encode->add_flag("--hex", line.wbxml.hex, "write hexadecimal digits instead");
    for (CLI::App* way : {decode, encode}) {
        way->add_option("DOCUMENT", line.wbxml.source,
                        "hexadecimal digits, a file, or - for standard input")
            ->type_name("HEX|FILE|-")
            ->capture_default_str();
    }
    line.actions[command] = [&line, encode] {
        line.wbxml.encode = encode->parsed();
        return commands::wbxml(line.wbxml);
    };
}

void add_version(CLI::App& app, CommandLine& line) {
    CLI::App* command = app.add_subcommand("version", "show version, build and libraries");
    line.actions[command] = [] { return commands::version(); };
}

/// One line on standard error, however long CLI11's own text is.
int usage_error(const CLI::App& app, const CLI::ParseError& error) {
    std::string sentence = error.what();
    for (char& c : sentence) {
        c = c == '\n' ? ' ' : c;
    }
    const CLI::App* command = &app;
    std::string name = "easgate";
    while (!command->get_subcommands().empty()) {
        command = command->get_subcommands().front();
        name += " " + command->get_name();
    }
    fmt::print(stderr, "{}: {}; see '{} --help'\n", name, sentence, name);
    return kUsageError;
}

}  // namespace

int main(int argc, char** argv) {
    eg::net::install_tls_memory();
    CLI::App app("easgate: a gate between phones and a company's mail server", "easgate");
    app.require_subcommand(1);
    CommandLine line;
    add_run(app, line);
    add_check(app, line);
    add_explain(app, line);
    add_status(app, line);
    add_devices(app, line);
    add_preview(app, line);
    add_unblock(app, line);
    add_binding(app, line);
    add_phone(app, line);
    add_wbxml(app, line);
    add_version(app, line);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
            return app.exit(error);  // --help
        }
        return usage_error(app, error);
    }
    return line.actions.at(app.get_subcommands().front())();
}
