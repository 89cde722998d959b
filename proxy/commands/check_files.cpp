#include "proxy/commands/check_files.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "certs/identity.h"
#include "certs/pem.h"

namespace eg::commands {

namespace {

namespace fs = std::filesystem;

constexpr int kSoonDays = 30;        // a certificate that ends so soon is worth a warning
constexpr int kTicketKeyBytes = 80;  // interfaces of session tickets: n x 80 bytes

/// The user that the node will run as.
struct Account {
    uid_t uid = 0;
    std::vector<gid_t> groups;
    std::string name;
};

std::optional<Account> account_of(const std::string& user) {
    std::array<char, 16384> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
        found == nullptr) {
        return std::nullopt;
    }
    Account account{.uid = entry.pw_uid, .groups = {}, .name = user};
    account.groups.resize(256);
    int count = static_cast<int>(account.groups.size());
    getgrouplist(user.c_str(), entry.pw_gid, account.groups.data(), &count);
    account.groups.resize(static_cast<std::size_t>(std::clamp(count, 0, 256)));
    return account;
}

Account own_account() {
    Account account{.uid = geteuid(), .groups = {getegid()}, .name = "this user"};
    std::array<gid_t, 256> groups{};
    const int count = getgroups(static_cast<int>(groups.size()), groups.data());
    account.groups.insert(account.groups.end(), groups.begin(),
                          groups.begin() + std::max(count, 0));
    return account;
}

/// `rights`: R_OK, W_OK, X_OK, which are the bits of a mode.
bool has_rights(const struct stat& info, const Account& account, unsigned rights) {
    const bool in_group = std::find(account.groups.begin(), account.groups.end(), info.st_gid) !=
                          account.groups.end();
    const unsigned shift = info.st_uid == account.uid ? 6 : in_group ? 3 : 0;
    return account.uid == 0 || ((info.st_mode >> shift) & rights) == rights;
}

/// "" if the account may use `path` so; else why not.
std::string why_not(const fs::path& path, const Account& account, unsigned rights) {
    const fs::path whole = fs::absolute(path);
    struct stat info{};
    for (fs::path folder = whole.parent_path();; folder = folder.parent_path()) {
        if (stat(folder.c_str(), &info) == 0 && !has_rights(info, account, X_OK)) {
            return fmt::format("{} may not enter {}", account.name, folder.string());
        }
        if (folder == folder.root_path()) {
            break;
        }
    }
    if (stat(whole.c_str(), &info) != 0) {
        return std::strerror(errno);
    }
    if (!has_rights(info, account, rights)) {
        return fmt::format("{} may not {} it (mode {:04o})", account.name,
                           (rights & W_OK) != 0 ? "write to" : "read", info.st_mode & 07777U);
    }
    return {};
}

class FileChecks {
  public:
    FileChecks(CheckReport& report, Account account)
        : report_(report), account_(std::move(account)) {}

    void directory(std::string_view check, const fs::path& path) {
        struct stat info{};
        if (stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) {
            report_.add(Outcome::failed, check, path.string(), "is no directory");
            return;
        }
        const std::string reason = why_not(path, account_, W_OK | X_OK);
        report_.add(reason.empty() ? Outcome::ok : Outcome::failed, check, path.string(), reason);
    }

    /// A file that was read just now by us must be readable by the node's user too, for a reload.
    void readable(std::string_view check, const std::string& file) {
        if (file.empty() || !seen_.insert(file).second) {
            return;
        }
        if (const std::string reason = why_not(file, account_, R_OK); !reason.empty()) {
            report_.add(Outcome::warning, check, file, reason + "; a reload will fail");
        }
    }

    void identity(std::string_view check, const std::string& file,
                  const certs::Loaded<certs::Identity>& identity) {
        if (!identity) {
            report_.add(Outcome::failed, check, file, identity.error());
            return;
        }
        validity(check, file, identity->leaf.get());
    }

    void authorities(std::string_view check, const std::string& file) {
        if (file.empty()) {
            return;
        }
        const auto certificates = certs::load_certificates(file);
        if (!certificates) {
            report_.add(Outcome::failed, check, file, certificates.error());
            return;
        }
        for (const auto& certificate : *certificates) {
            if (certs::days_left(certificate.get()) < 0) {
                report_.add(Outcome::warning, check, file,
                            fmt::format("{} has expired", certs::subject(certificate.get())));
            }
        }
        report_.add(Outcome::ok, check, file, fmt::format("{} certificates", certificates->size()));
        readable(check, file);
    }

    void revocations(const std::string& ca_file, const std::string& crl_file) {
        if (ca_file.empty() || crl_file.empty()) {
            return;
        }
        const auto store = certs::load_authorities(ca_file, crl_file);
        const auto days = certs::revocation_days_left(crl_file);
        if (!store || !days) {
            report_.add(Outcome::failed, "revocations", crl_file,
                        store ? days.error() : store.error());
        } else if (*days < 0) {
            report_.add(Outcome::failed, "revocations", crl_file,
                        "a list is out of date, so that every client is refused; fetch a new one");
        } else {
            report_.add(Outcome::ok, "revocations", crl_file,
                        fmt::format("up to date for {} days", *days));
        }
        readable("revocations", crl_file);
    }

    void ticket_keys(const std::string& file) {
        if (file.empty()) {
            return;
        }
        const auto keys = certs::read_whole(file, certs::Privacy::secret);
        const std::size_t size = keys ? keys->reveal().size() : 0;
        if (!keys) {
            report_.add(Outcome::failed, "ticket keys", file, keys.error());
        } else if (size == 0 || size % kTicketKeyBytes != 0) {
            report_.add(
                Outcome::failed, "ticket keys", file,
                fmt::format("has {} bytes; expected a multiple of {}", size, kTicketKeyBytes));
        } else {
            report_.add(Outcome::ok, "ticket keys", file,
                        fmt::format("{} keys", size / kTicketKeyBytes));
        }
        readable("ticket keys", file);
    }

  private:
    void validity(std::string_view check, const std::string& file, X509* certificate) {
        const int days = certs::days_left(certificate);
        const std::string name = certs::subject(certificate);
        if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
            report_.add(Outcome::failed, check, file,
                        fmt::format("{} is not valid yet; is the clock right?", name));
        } else if (days < 0) {
            report_.add(Outcome::failed, check, file, fmt::format("{} has expired", name));
        } else {
            report_.add(days < kSoonDays ? Outcome::warning : Outcome::ok, check, file,
                        fmt::format("{} expires in {} days", name, days));
        }
    }

    CheckReport& report_;
    Account account_;
    std::set<std::string> seen_;
};

std::optional<Account> check_user(const std::string& user, CheckReport& report) {
    if (user.empty()) {
        return own_account();
    }
    auto account = account_of(user);
    report.add(account ? Outcome::ok : Outcome::failed, "user", user,
               account ? "" : "there is no such user on this machine");
    return account;
}

void check_server_certificate(const config::Config& config, FileChecks& checks) {
    const config::Tls& tls = config.tls;
    if (!tls.pkcs12_file.empty()) {
        checks.identity(
            "certificate", tls.pkcs12_file,
            certs::load_pkcs12(tls.pkcs12_file, tls.pkcs12_password_file, tls.pkcs12_password));
        checks.readable("certificate", tls.pkcs12_file);
        checks.readable("certificate", tls.pkcs12_password_file);
    } else if (!tls.certificate_file.empty()) {
        checks.identity("certificate", tls.certificate_file,
                        certs::load_pem(tls.certificate_file, tls.private_key_file));
        checks.readable("certificate", tls.certificate_file);
        checks.readable("certificate", tls.private_key_file);
    }
    checks.ticket_keys(tls.ticket_keys_file);
}

void check_instance(const config::Instance& instance, FileChecks& checks) {
    if (!instance.certificate_file.empty()) {
        checks.identity("certificate", instance.certificate_file,
                        certs::load_pem(instance.certificate_file, instance.private_key_file));
        checks.readable("certificate", instance.certificate_file);
        checks.readable("certificate", instance.private_key_file);
    }
    checks.identity(
        "identity", instance.identity_certificate_file,
        certs::load_pem(instance.identity_certificate_file, instance.identity_private_key_file));
    checks.readable("identity", instance.identity_certificate_file);
    checks.readable("identity", instance.identity_private_key_file);
    checks.authorities("client CA", instance.client_ca_file);
    checks.revocations(instance.client_ca_file, instance.client_crl_file);
    checks.authorities("backend CA", instance.backend_ca_file);
}

}  // namespace

void check_files(const config::Config& config, CheckReport& report) {
    const auto account = check_user(config.node.user, report);
    FileChecks checks(report, account.value_or(own_account()));
    check_server_certificate(config, checks);
    checks.authorities("MDM CA", config.mdm.ca_file);
    for (const config::Instance& instance : config.instances) {
        check_instance(instance, checks);
    }
    checks.directory("state folder", fs::absolute(config.mdm.state_file).parent_path());
    checks.directory("log folder", config.log.directory);
}

bool has_identity(const config::Instance& instance) {
    return certs::load_pem(instance.identity_certificate_file, instance.identity_private_key_file)
        .has_value();
}

}  // namespace eg::commands
