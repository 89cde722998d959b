#include "proxy/gate/device_list.h"

#include <cstdlib>
#include <optional>
#include <utility>

#include "proxy/base/json.h"
#include "proxy/base/text.h"
#include "proxy/log/escape.h"

namespace eg::gate {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;

/// A JSON string; bytes that are not UTF-8 (an id from an old state file) are escaped.
json_t* text(std::string_view bytes) {
    if (json_t* plain = json_stringn(bytes.data(), bytes.size()); plain != nullptr) {
        return plain;
    }
    std::string escaped;
    log::append_rest(escaped, bytes);
    return json_stringn(escaped.data(), escaped.size());
}

void append_record(std::string& out, std::string_view instance, const device::RecordView& record) {
    const Json object(json_object());
    json_object_set_new(object.get(), "instance", text(instance));
    json_object_set_new(object.get(), "id", text(record.id()));
    json_object_set_new(object.get(), "state", text(device::to_string(record.state())));
    json_object_set_new(object.get(), "reason", text(record.reason()));
    json_t* users = json_array();
    for (const std::string& user : record.users()) {
        json_array_append_new(users, text(user));
    }
    json_object_set_new(object.get(), "users", users);
    json_t* keys = json_array();
    for (const device::KeyHash& key : record.keys()) {
        // A hash is bytes; to_hex takes them as text.
        const std::string bytes(key.begin(), key.end());
        json_array_append_new(keys, text(to_hex(bytes)));
    }
    json_object_set_new(object.get(), "keys", keys);
    const std::unique_ptr<char, decltype(&std::free)> line(json_dumps(object.get(), JSON_COMPACT),
                                                           &std::free);
    out.append(line == nullptr ? "{}" : line.get());
}

/// Puts the brackets, commas and line ends of an array around its objects.
class ArrayText {
  public:
    void next(std::string& out) { out.append(std::exchange(empty_, false) ? "[\n" : ",\n"); }
    void end(std::string& out) const { out.append(empty_ ? "[]\n" : "\n]\n"); }

  private:
    bool empty_ = true;
};

class DeviceList final : public server::BodySource {
  public:
    explicit DeviceList(std::vector<InstanceTable> tables) : tables_(std::move(tables)) {}

    bool read(std::string& out, bool& /*failed*/) override {
        const std::size_t enough = out.size() + kPieceBytes;
        while (out.size() < enough) {
            if (next_record_ < records_.size()) {
                array_.next(out);
                append_record(out, tables_[next_table_ - 1].instance, records_[next_record_++]);
            } else if (next_table_ < tables_.size()) {
                open_next_table();
            } else {
                array_.end(out);
                return false;
            }
        }
        return true;
    }

  private:
    void open_next_table() {
        records_.clear();
        next_record_ = 0;
        const auto& table = tables_[next_table_++].table;
        if (table != nullptr) {
            records_.reserve(table->size());
            table->for_each(
                [this](const device::RecordView& record) { records_.push_back(record); });
        }
    }

    std::vector<InstanceTable> tables_;
    std::vector<device::RecordView> records_;  // of tables_[next_table_ - 1]
    std::size_t next_table_ = 0;
    std::size_t next_record_ = 0;
    ArrayText array_;
};

}  // namespace

std::string find_device_json(std::span<const InstanceTable> tables, std::string_view id) {
    std::string out;
    ArrayText array;
    for (const InstanceTable& one : tables) {
        if (one.table == nullptr) {
            continue;
        }
        if (const std::optional<device::RecordView> record = one.table->find(id)) {
            array.next(out);
            append_record(out, one.instance, *record);
        }
    }
    array.end(out);
    return out;
}

std::unique_ptr<server::BodySource> list_devices_json(std::vector<InstanceTable> tables) {
    return std::make_unique<DeviceList>(std::move(tables));
}

}  // namespace eg::gate
