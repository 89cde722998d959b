/// A fresh database in a folder of its own, and what tests do to it again and again.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "mdm/store/database.h"
#include "mdm/store/devices.h"
#include "mdm/store/feed_snapshot.h"
#include "mdm/store/instances.h"

namespace eg::mdm::test {

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "easgate-mdm-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("no temporary folder");
        }
        path = name;
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    std::filesystem::path path;
};

/// The value, or a failed test that says why there is none.
template <typename T>
T must(Outcome<T> outcome) {
    if (!outcome) {
        throw std::runtime_error(outcome.error().text);
    }
    if constexpr (!std::is_void_v<T>) {
        return *std::move(outcome);
    }
}

template <typename T>
std::string error_of(const Outcome<T>& outcome) {
    return outcome ? "" : outcome.error().text;
}

struct TemporaryStore {
    TemporaryFolder folder;
    std::string path = (folder.path / "mdm.db").string();
    Database database = [this] {
        must(Database::create(path));
        return must(Database::open(path, Milliseconds(1000)));
    }();

    Devices devices() { return Devices(database); }
    Instances instances() { return Instances(database); }

    /// An instance whose certificate hash is 32 times `letter`.
    Instance add_instance(const std::string& name, char letter = 'a') {
        return must(instances().add({name, std::string(32, letter), "PEM"}));
    }
    Instance find(const std::string& name) { return must(instances().find(name)); }
};

inline device::Record record(std::string id, device::State state = device::State::allow,
                             std::vector<std::string> users = {}, std::string reason = "") {
    return {std::move(id), std::move(users), state, std::move(reason), {}};
}

/// `B1 allow alice,bob; B2 removed`, in the order of the snapshot.
inline std::string lines_of(FeedSnapshot snapshot, std::int64_t at_once = 2) {
    std::string text;
    while (true) {
        const auto records = must(snapshot.next(at_once));
        if (records.empty()) {
            return text;
        }
        for (const auto& each : records) {
            text += (text.empty() ? "" : "; ") + each.id + ' ' +
                    std::string(device::to_string(each.state));
            for (std::size_t i = 0; i < each.users.size(); ++i) {
                text += (i == 0 ? " " : ",") + each.users[i];
            }
        }
    }
}

}  // namespace eg::mdm::test
