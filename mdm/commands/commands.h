/// What `easgate-mdm` can do, one function a command. Each prints its result on standard output or
/// a sentence on standard error, and returns the exit status. docs: mdm/README.md.
#pragma once

#include <string>
#include <vector>

#include "mdm/commands/common.h"
#include "mdm/store/devices.h"

namespace eg::mdm {

/// Makes the database that the configuration names; never touches one that exists.
[[nodiscard]] int init(const std::string& config_file);
/// Serves until SIGTERM or SIGINT. SIGUSR1 reopens the log file; SIGHUP too, and reads certificate
/// and key again.
[[nodiscard]] int run(const std::string& config_file);
[[nodiscard]] int status(const std::string& config_file, ListFormat format);

struct InstanceOptions {
    std::string name;
    std::string certificate_file;
    bool replace = false;  // a renewed certificate for an instance that exists
};
[[nodiscard]] int add_instance(const std::string& config_file, const InstanceOptions& options);
[[nodiscard]] int list_instances(const std::string& config_file, ListFormat format);
[[nodiscard]] int remove_instance(const std::string& config_file, const std::string& name);

struct DeviceOptions {
    std::string id;
    std::string instance;  // "" = the only one there is
    DeviceChange change;
};
/// A device that is added without a state is allowed; without users, any user may use it.
[[nodiscard]] int add_device(const std::string& config_file, const DeviceOptions& options);
[[nodiscard]] int set_device(const std::string& config_file, const DeviceOptions& options);
[[nodiscard]] int remove_device(const std::string& config_file, const DeviceOptions& options);
/// `instance` "" lists those of all instances.
[[nodiscard]] int list_devices(const std::string& config_file, const std::string& instance,
                               ListFormat format);
[[nodiscard]] int import_devices(const std::string& config_file, const std::string& instance,
                                 const std::string& csv_file);

}  // namespace eg::mdm
