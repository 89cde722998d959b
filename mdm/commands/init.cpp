#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

#include <fmt/format.h>

#include "mdm/commands/commands.h"

namespace eg::mdm {
namespace {

/// Gives a file to the user that the server will become; only root can and needs to.
Outcome<void> give_away(const std::string& path, const std::string& user) {
    if (user.empty() || ::geteuid() != 0) {
        return {};
    }
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) {
        return failed(FailureKind::missing,
                      fmt::format("there is no user '{}'; make it, or change node.user", user));
    }
    if (::chown(path.c_str(), entry->pw_uid, entry->pw_gid) != 0) {
        return failed(FailureKind::broken,
                      fmt::format("can't give {} to {}: {}", path, user, std::strerror(errno)));
    }
    return {};
}

/// Makes the folder of the database, for its owner only, if it isn't there.
Outcome<void> make_folder(const Config& config) {
    const std::filesystem::path folder = std::filesystem::path(config.database).parent_path();
    std::error_code error;
    if (folder.empty() || std::filesystem::is_directory(folder, error)) {
        return {};
    }
    if (!std::filesystem::create_directories(folder, error)) {
        return failed(FailureKind::broken, fmt::format("can't make the folder {}: {}",
                                                       folder.string(), error.message()));
    }
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    return give_away(folder.string(), config.user);
}

}  // namespace

int init(const std::string& config_file) {
    const Outcome<Config> config = load_config(config_file);
    if (!config) {
        return report(config.error());
    }
    if (const Outcome<void> made = make_folder(*config); !made) {
        return report(made.error());
    }
    if (const Outcome<void> created = Database::create(config->database); !created) {
        return report(created.error());
    }
    if (const Outcome<void> given = give_away(config->database, config->user); !given) {
        return report(given.error());
    }
    return print(fmt::format("made the database {0}\n"
                             "next:\n"
                             "  1. upload the identity certificate of each instance of the gate:\n"
                             "     easgate-mdm instance add NAME --certificate FILE --config {1}\n"
                             "  2. list the devices, one by one or from a file:\n"
                             "     easgate-mdm device add ID --user USER --config {1}\n"
                             "     easgate-mdm device import FILE.csv --config {1}\n"
                             "  3. start the server:\n"
                             "     easgate-mdm run --config {1}\n",
                             config->database, config_file))
               ? kSuccess
               : kFailure;
}

}  // namespace eg::mdm
