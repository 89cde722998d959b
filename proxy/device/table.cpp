#include "proxy/device/table.h"

#include <algorithm>
#include <numeric>

#include "proxy/base/text.h"
#include "proxy/device/id_key.h"
#include "proxy/device/layer.h"

namespace eg::device {

namespace {

/// A layer is merged into the one below once it has more than this share of it.
constexpr std::size_t kLayerRatio = 8;

/// Records that are merged before a change is in force: a tenth of a second. More is left for
/// due_merge().
constexpr std::size_t kMergedAtOnce = 65'536;

State state_of(const unsigned char* record) {
    return static_cast<State>(*record & format::kStateMask);
}

/// The text that `id` is the upper-case hexadecimal of, or nothing if it is none of a text id.
std::string text_of_hex(std::string_view id) {
    std::string text;
    if (!spells_text(id)) {
        return text;
    }
    for (std::size_t i = 0; i < id.size(); i += 2) {
        text += static_cast<char>(hex_value(id[i]) << 4 | hex_value(id[i + 1]));
    }
    return text;
}

}  // namespace

const unsigned char* RecordView::users_at() const {
    const unsigned char* at = data_ + 1;
    (void)format::read_text(at);
    (void)format::read_text(at);
    return at;
}

std::string_view RecordView::reason() const {
    const unsigned char* at = data_ + 1;
    (void)format::read_text(at);
    return format::read_text(at);
}

bool RecordView::any_user() const {
    const unsigned char* at = users_at();
    return format::read_number(at) == 0;
}

std::vector<std::string> RecordView::users() const {
    std::vector<std::string> users;
    (void)any_of_users([&users](std::string_view user) {
        users.emplace_back(user);
        return false;
    });
    return users;
}

std::vector<KeyHash> RecordView::keys() const {
    const unsigned char* at = users_at();
    for (std::size_t left = format::read_number(at); left > 0; --left) {
        (void)format::read_text(at);
    }
    std::vector<KeyHash> keys(format::read_number(at));
    for (KeyHash& key : keys) {
        std::copy_n(at, key.size(), key.begin());
        at += key.size();
    }
    return keys;
}

Record RecordView::copy() const {
    return {std::string(id()), users(), state(), std::string(reason()), keys()};
}

std::span<const unsigned char> RecordView::packed() const {
    return {data_, packed_size(data_)};
}

std::uint64_t DeviceTable::hash_id(std::string_view id) {
    return IdKey(id).hash();
}

const unsigned char* DeviceTable::find_key(const IdKey& key) const {
    for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
        if (const unsigned char* record = (*layer)->find(key)) {
            return state_of(record) == State::removed ? nullptr : record;
        }
    }
    return nullptr;
}

std::optional<RecordView> DeviceTable::find(std::string_view id) const {
    return find(IdKey(id));
}

std::optional<RecordView> DeviceTable::find(const IdKey& key) const {
    if (key.id().empty()) {
        return std::nullopt;
    }
    const unsigned char* record = find_key(key);
    const bool spelled = key.is_text() && may_spell(key.id().size());
    if (spelled && (record == nullptr || state_of(record) == State::allow)) {
        const unsigned char* as_hex = find_key(IdKey(key.id(), IdKey::Spelling::hex));
        if (as_hex != nullptr && (record == nullptr || state_of(as_hex) != State::allow)) {
            record = as_hex;
        }
    }
    return record == nullptr ? std::nullopt : std::optional(RecordView(record));
}

void DeviceTable::prefetch(const IdKey& key) const {
    for (const auto& layer : layers_) {
        layer->prefetch(key);
    }
}

bool DeviceTable::may_spell(std::size_t bytes) const {
    return std::ranges::any_of(layers_,
                               [bytes](const auto& layer) { return layer->may_spell(bytes); });
}

std::size_t DeviceTable::count(State state) const {
    return state == State::removed ? 0 : counts_[static_cast<std::size_t>(state)];
}

std::size_t DeviceTable::memory_bytes() const {
    std::size_t bytes = sizeof *this;
    for (const auto& layer : layers_) {
        bytes += layer->memory_bytes();
    }
    for (const auto& index : users_) {
        bytes += index->memory_bytes();
    }
    return bytes;
}

void DeviceTable::for_each(const std::function<void(const RecordView&)>& use) const {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        layers_[i]->for_each([&](const unsigned char* record, const IdKey& key) {
            const bool replaced =
                std::any_of(layers_.begin() + static_cast<std::ptrdiff_t>(i) + 1, layers_.end(),
                            [&key](const auto& newer) { return newer->find(key) != nullptr; });
            if (!replaced && state_of(record) != State::removed) {
                use(RecordView(record));
            }
        });
    }
}

void DeviceTable::put(std::shared_ptr<const Layer> layer) {
    if (layers_.empty()) {
        counts_ = layer->counts();
        counts_[static_cast<std::size_t>(State::removed)] = 0;
        size_ = std::accumulate(counts_.begin(), counts_.end(), std::size_t{0});
        layers_.push_back(std::move(layer));
        return;
    }
    layer->for_each([this](const unsigned char* record, const IdKey& key) {
        if (const unsigned char* before = find_key(key)) {
            --counts_[static_cast<std::size_t>(state_of(before))];
            --size_;
        }
        if (state_of(record) != State::removed) {
            ++counts_[static_cast<std::size_t>(state_of(record))];
            ++size_;
        }
    });
    layers_.push_back(std::move(layer));
    merge_layers();
}

void DeviceTable::merge_layers() {
    while (layers_.size() > 1) {
        const std::size_t older = layers_.size() - 2;
        const std::size_t records = layers_[older]->size() + layers_[older + 1]->size();
        if (!too_alike(older) || records > kMergedAtOnce) {
            return;
        }
        Merge merge(layers_[older], layers_[older + 1], older == 0);
        if (!merge.run()) {
            return;  // no memory for it now; two layers say the same
        }
        layers_.pop_back();
        layers_.back() = std::move(merge.merged_);
    }
}

bool DeviceTable::too_alike(std::size_t older) const {
    return layers_[older + 1]->size() * kLayerRatio > layers_[older]->size();
}

std::optional<DeviceTable::Merge> DeviceTable::due_merge() const {
    for (std::size_t older = 0; older + 1 < layers_.size(); ++older) {
        if (too_alike(older)) {
            return Merge(layers_[older], layers_[older + 1], older == 0);
        }
    }
    return std::nullopt;
}

std::shared_ptr<const DeviceTable> DeviceTable::with(const Merge& merge) const {
    const auto older = std::ranges::find(layers_, merge.older_);
    if (merge.merged_ == nullptr || older == layers_.end() || older + 1 == layers_.end() ||
        *(older + 1) != merge.newer_) {
        return nullptr;
    }
    std::shared_ptr<DeviceTable> table(new DeviceTable(*this));
    const auto at = table->layers_.begin() + (older - layers_.begin());
    *at = merge.merged_;
    table->layers_.erase(at + 1);
    return table;
}

std::shared_ptr<const DeviceTable> DeviceTable::with_users(UserKey key) const {
    std::shared_ptr<DeviceTable> table(new DeviceTable(*this));
    table->users_.clear();
    for (std::size_t i = 0; key != nullptr && i < layers_.size(); ++i) {
        const auto made = std::ranges::find_if(
            users_, [&](const auto& index) { return index->layer() == layers_[i].get(); });
        table->users_.push_back(made != users_.end() ? *made : UserIndex::make(layers_[i], key));
        if (table->users_.back() == nullptr) {
            table->users_.clear();  // whom it doesn't list is refused
            break;
        }
    }
    return table;
}

bool DeviceTable::Merge::run(const std::stop_token& stop) {
    const auto merged = std::make_shared<Layer>();
    merged->expect(older_->size() + newer_->size());
    bool whole = true;
    const auto copy = [&](const unsigned char* record) {
        if (!bottom_ || state_of(record) != State::removed) {
            whole = whole && merged->append({record, packed_size(record)});
        }
    };
    older_->for_each([&](const unsigned char* record, const IdKey& key) {
        whole = whole && !stop.stop_requested();
        if (whole && newer_->find(key) == nullptr) {
            copy(record);
        }
    });
    newer_->for_each([&](const unsigned char* record, const IdKey&) { copy(record); });
    if (!whole || stop.stop_requested() || !merged->seal()) {
        return false;
    }
    merged_ = merged;
    return true;
}

DeviceTable::Builder::Builder() : layer_(std::make_shared<Layer>()) {}
DeviceTable::Builder::~Builder() = default;
DeviceTable::Builder::Builder(Builder&&) noexcept = default;
DeviceTable::Builder& DeviceTable::Builder::operator=(Builder&&) noexcept = default;

void DeviceTable::Builder::expect(std::uint64_t records) {
    layer_->expect(records);
}

void DeviceTable::Builder::add(const Record& record) {
    users_.assign(record.users.begin(), record.users.end());
    add(RecordParts{record.id, users_, record.state, record.reason, record.keys});
}

void DeviceTable::Builder::add(const RecordParts& record) {
    scratch_.clear();
    if (format::encode(record, scratch_)) {
        add_packed(scratch_);
    } else {
        ok_ = false;
    }
}

void DeviceTable::Builder::add_packed(std::span<const unsigned char> record) {
    ok_ = ok_ && layer_->append(record);
    ++added_;
}

std::vector<unsigned char> DeviceTable::Builder::packed() const {
    std::vector<unsigned char> bytes;
    layer_->for_each_appended([&bytes](const unsigned char* record) {
        bytes.insert(bytes.end(), record, record + packed_size(record));
    });
    return bytes;
}

std::vector<std::uint64_t> DeviceTable::Builder::hashes() const {
    std::vector<std::uint64_t> hashes;
    layer_->for_each_appended([&hashes](const unsigned char* record) {
        const std::string_view id = format::read_id(record);
        hashes.push_back(hash_id(id));
        if (const std::string text = text_of_hex(id); !text.empty()) {
            hashes.push_back(hash_id(text));
        }
    });
    return hashes;
}

std::shared_ptr<const DeviceTable> DeviceTable::Builder::build(FeedPolicy policy,
                                                               std::string cursor) && {
    return std::move(*this).build_on(DeviceTable(), policy, std::move(cursor));
}

std::shared_ptr<const DeviceTable> DeviceTable::Builder::build_on(const DeviceTable& before,
                                                                  FeedPolicy policy,
                                                                  std::string cursor) && {
    if (!ok_ || !layer_->seal()) {
        return nullptr;
    }
    std::shared_ptr<DeviceTable> table(new DeviceTable(before));
    table->policy_ = policy;
    table->cursor_ = std::move(cursor);
    if (layer_->size() > 0) {
        table->put(std::move(layer_));
    }
    return table;
}

}  // namespace eg::device
