/// `easgate phone`: a simulated phone that signs in, provisions, syncs, sends mail and holds a Ping
/// against a URL, and says what really came back. Runs on the calling thread; blocks until it is
/// done.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/secret.h"

namespace eg::commands {

/// What the phone can do, in the order of a real client's first contact ([MS-ASCMD] 2.2.1).
enum class PhoneStep : std::uint8_t { options, provision, foldersync, sync, ping, sendmail };

/// Every step, in order: the default of `--steps`.
[[nodiscard]] std::span<const PhoneStep> all_phone_steps();
[[nodiscard]] std::string_view to_string(PhoneStep step);
/// Reads a list separated by commas, letter case and order as given; nothing where a name is
/// unknown, doubled, or the list is empty. `all` means every step.
[[nodiscard]] std::optional<std::vector<PhoneStep>> parse_phone_steps(std::string_view list);

/// The environment variable that the command line reads the password from where `--password-file`
/// isn't given. A password on the command line would stand in the list of processes.
inline constexpr const char* kPhonePasswordVariable = "EASGATE_PHONE_PASSWORD";

struct PhoneOptions {
    std::string url;   // https://host[:port][/path]; without a path: /Microsoft-Server-ActiveSync
    std::string user;  // --user, as the sign-in sends it: alice, CORP\alice, alice@corp.example
    Secret password;   // --password-file FILE, else EASGATE_PHONE_PASSWORD, else --password
    std::string device_id = "EASGATEPHONE0001";    // --device-id, 1 to 32 letters or digits
    std::string device_type = "SimulatedPhone";    // --device-type
    std::string user_agent = "easgate-phone/1.0";  // --user-agent; empty: none is sent
    std::string protocol = "14.1";                 // --protocol: 12.1, 14.0, 14.1, 16.0 or 16.1
    std::string ca_file;                           // --ca FILE, PEM; empty: the system's
    bool insecure = false;                         // --insecure: any server certificate
    std::string client_certificate;                // --client-certificate FILE, PEM
    std::string client_key;                        // --client-key FILE, PEM
    bool base64 = false;                           // --base64: the short form of the query
    std::vector<PhoneStep> steps;      // --steps LIST; empty: all; a step brings those it needs
    std::chrono::seconds ping{60};     // --ping SECONDS, the heartbeat asked for
    std::string mail_to;               // --to ADDRESS of the mail sent; empty: the user itself
    std::chrono::seconds timeout{30};  // --timeout SECONDS for any step but Ping
};

/// Runs the steps in turn and prints one line each on standard output: what was sent to the URL and
/// what really came back. A step that fails ends the run. Returns the exit status: 0 all steps
/// passed, 1 otherwise (a usage error is told and is 64).
[[nodiscard]] int phone(const PhoneOptions& options);

}  // namespace eg::commands
