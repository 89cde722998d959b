/// The instances (published services of the gate) that may fetch device states, each known by the
/// hash of its identity certificate. Works on the Database that it is given; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mdm/store/database.h"
#include "mdm/store/failure.h"

namespace eg::mdm {

struct Instance {
    std::int64_t id = 0;
    std::string name;  // [a-z0-9-]+
    std::string
        certificate_hash;  // SHA-256 of the certificate in DER, 64 lower-case hexadecimal digits
    std::string certificate_pem;
    std::int64_t created = 0;  // epoch seconds
    std::string feed_id;       // random; part of every cursor, so that no other table's cursor fits
    std::int64_t last_change = 0;       // newest change number of its devices
    std::int64_t forgotten_change = 0;  // tombstones up to this number are gone
};

/// Where the devices of an instance stand.
struct ChangeMark {
    std::int64_t instance_id = 0;
    std::int64_t last_change = 0;
};

struct NewInstance {
    std::string name;
    std::string certificate_hash;  // 32 bytes
    std::string certificate_pem;
};

class Instances {
  public:
    explicit Instances(Database& database) : sql_(database.session()) {}

    /// In the order of their names.
    [[nodiscard]] Outcome<std::vector<Instance>> list();
    [[nodiscard]] Outcome<Instance> find(std::string_view name);
    /// `name` "" means the only instance there is; a sentence says what to do if there isn't
    /// exactly one.
    [[nodiscard]] Outcome<Instance> choose(std::string_view name);
    /// `hash`: 32 bytes. Nothing if no instance has that certificate.
    [[nodiscard]] Outcome<std::optional<Instance>> find_by_certificate(std::string_view hash);
    [[nodiscard]] Outcome<std::vector<ChangeMark>> changes();

    /// Fails with `exists` if the name or the certificate is taken.
    [[nodiscard]] Outcome<Instance> add(const NewInstance& instance);
    /// A renewed certificate for an instance that exists; its devices stay.
    [[nodiscard]] Outcome<Instance> replace_certificate(const NewInstance& instance);
    /// With its devices and observations. Returns how many devices went with it.
    [[nodiscard]] Outcome<std::int64_t> remove(std::string_view name);

  private:
    soci::session& sql_;
};

/// Whether a name is 1 to 63 of a-z, 0-9 and '-'.
[[nodiscard]] bool is_instance_name(std::string_view name);

}  // namespace eg::mdm
