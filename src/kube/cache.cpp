#include "kube/cache.hpp"

#include "base/core/sha256.hpp"
#include "base/core/text.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::kube {
namespace {

// A list that began this long after our DELETE and still has the object is right, and we are not.
constexpr auto burial = std::chrono::seconds{60};

// A UUID as its 16 bytes; anything else by its hash, for uids are opaque.
std::array<std::uint8_t, 16> uid_bytes(std::string_view uid) {
    std::string digits;
    for (const char c : uid) {
        if (c != '-') digits += c;
    }
    const bool is_uuid = uid.size() == 36 && digits.size() == 32 &&
                         digits.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!is_uuid) digits = sha256_hex(uid);
    const auto nibble = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] =
            static_cast<std::uint8_t>(nibble(digits[2 * i]) * 16 + nibble(digits[2 * i + 1]));
    return bytes;
}

// The objects of one namespace stand together.
template <typename Entries>
auto first_of(Entries& entries, std::string_view ns) {
    return ns.empty() ? entries.begin() : entries.lower_bound(ObjectKey{std::string(ns), ""});
}

}  // namespace

bool is_newer(std::string_view version, std::string_view known) {
    const auto is_number = [](std::string_view text) {
        return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
    };
    if (!is_number(version) || !is_number(known)) return version != known;
    const auto significant = [](std::string_view text) {
        return text.substr(std::min(text.find_first_not_of('0'), text.size()));
    };
    version = significant(version);
    known = significant(known);
    return version.size() != known.size() ? version.size() > known.size() : version > known;
}

void without_bookkeeping(Json& object) {
    drop(object, {"metadata", "managedFields"});
    drop(object, {"metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"});
}

Cache::Cache(Executor executor,
             Clock& clock,
             Random& random,
             Client& client,
             Logger& log,
             Resource resource,
             CacheOptions options)
    : clock_(clock),
      random_(random),
      client_(client),
      log_(log),
      resource_(std::move(resource)),
      options_(std::move(options)),
      synced_signal_(std::move(executor)) {}

Cache::~Cache() = default;

// ---- Reading ----

std::optional<Json> Cache::get(const ObjectKey& key) const {
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return std::nullopt;
    return thawed(entry->second);
}

bool Cache::refresh(const ObjectKey& key, std::optional<Json>& held) const {
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) {
        const bool is_gone = held.has_value();
        held.reset();
        return is_gone;
    }
    if (held && is_of(*held, entry->second)) return false;
    held = thawed(entry->second);
    return true;
}

bool Cache::contains(const ObjectKey& key) const {
    return entries_.contains(key);
}

std::string Cache::resource_version(const ObjectKey& key) const {
    const auto entry = entries_.find(key);
    return entry == entries_.end() ? "" : entry->second.resource_version;
}

std::vector<Json> Cache::list(std::string_view ns) const {
    std::vector<Json> objects;
    for_each(ns, [&](const Json& object) { objects.push_back(object); });
    return objects;
}

void Cache::for_each(std::string_view ns, const std::function<void(const Json&)>& visit) const {
    for (auto entry = first_of(entries_, ns); entry != entries_.end(); ++entry) {
        if (!ns.empty() && entry->first.ns != ns) break;
        visit(thawed(entry->second));
    }
}

std::vector<ObjectKey> Cache::keys(std::string_view ns) const {
    std::vector<ObjectKey> keys;
    for (auto entry = first_of(entries_, ns); entry != entries_.end(); ++entry) {
        if (!ns.empty() && entry->first.ns != ns) break;
        keys.push_back(entry->first);
    }
    return keys;
}

std::vector<Json> Cache::find_by(const std::string& value) const {
    std::vector<Json> objects;
    const auto keys = by_index_.find(value);
    if (keys == by_index_.end()) return objects;
    for (const auto& key : keys->second) objects.push_back(thawed(entries_.at(key)));
    return objects;
}

bool Cache::refresh_by(const std::string& value, std::vector<Json>& held) const {
    const auto keys = by_index_.find(value);
    if (keys == by_index_.end()) {
        const bool are_gone = !held.empty();
        held.clear();
        return are_gone;
    }
    const auto is_same = [&](const Json& object, const ObjectKey& key) {
        return is_of(object, entries_.at(key));
    };
    if (std::ranges::equal(held, keys->second, is_same)) return false;
    held = find_by(value);
    return true;
}

std::uint64_t Cache::restarts() const {
    return restarts_;
}

std::size_t Cache::size() const {
    return entries_.size();
}

std::size_t Cache::bytes() const {
    return bytes_;
}

Json Cache::thawed(const Entry& entry) const {
    auto object = parse_json(entry.text.text(), {.bytes = SIZE_MAX});
    SLUICE_ASSERT(object);
    put(*object, {"metadata", "resourceVersion"}, Json(entry.resource_version));
    return *std::move(object);
}

// Within the life of an object its version stands for all that it says.
bool Cache::is_of(const Json& held, const Entry& entry) {
    return resource_version_of(held) == entry.resource_version &&
           uid_bytes(uid_of(held)) == entry.uid;
}

// ---- Our own writes ----

void Cache::note(const Json& object) {
    const auto key = key_of(object);
    if (key.name.empty() || (!options_.selection.ns.empty() && key.ns != options_.selection.ns))
        return;
    // Where the watch has passed this version, an object that it does not show is gone already: the
    // answer to our write was slower than the news of its deletion.
    if (!version_.empty() && !is_newer(resource_version_of(object), version_)) {
        const auto entry = entries_.find(key);
        if (entry == entries_.end() || entry->second.uid != uid_bytes(uid_of(object))) return;
    }
    store(object);
}

void Cache::note_deleted(const ObjectKey& key, const Json& answer) {
    const bool is_status = text_at(answer, {"kind"}) == "Status";
    const bool is_kept =
        find(answer, {"metadata", "deletionTimestamp"}) != nullptr &&
        (!array_at(answer, {"metadata", "finalizers"}).empty() ||
         integer_at(answer, {"metadata", "deletionGracePeriodSeconds"}).value_or(0) > 0);
    if (!is_status && is_kept) {
        note(answer);
        return;
    }
    const auto uid = is_status ? text_at(answer, {"details", "uid"}) : uid_of(answer);
    const auto entry = entries_.find(key);
    if (!uid.empty()) {
        bury(key, uid_bytes(uid));
    } else if (entry != entries_.end()) {
        bury(key, entry->second.uid);
    }
    if (entry != entries_.end() && (uid.empty() || entry->second.uid == uid_bytes(uid)))
        erase(entry);
}

void Cache::bury(const ObjectKey& key, const Uid& uid) {
    // Those whose deletion the watch passed before our answer came are never asked for again.
    constexpr auto forgotten = std::chrono::hours{1};
    const auto now = clock_.now();
    std::erase_if(tombstones_,
                  [&](const auto& tombstone) { return now - tombstone.second.since > forgotten; });
    tombstones_[uid] = {key, now};
}

bool Cache::is_buried(const Uid& uid) {
    const auto tombstone = tombstones_.find(uid);
    if (tombstone == tombstones_.end()) return false;
    if (filling_ && filling_->began - tombstone->second.since > burial) {
        tombstones_.erase(tombstone);
        return false;
    }
    return true;
}

// ---- What the server says ----

void Cache::store(Json object) {
    const auto key = key_of(object);
    const auto uid = uid_bytes(uid_of(object));
    std::string version(resource_version_of(object));
    if (filling_) {
        filling_->seen.insert(key);
        filling_->uids.insert(uid);
    }
    if (is_buried(uid)) return;
    auto entry = entries_.find(key);
    if (entry != entries_.end() && !distrusts_itself_ &&
        !is_newer(version, entry->second.resource_version))
        return;

    if (options_.trim) options_.trim(object);
    drop(object, {"metadata", "resourceVersion"});
    CompactText text(to_text(object), options_.compress_above);
    if (entry != entries_.end() && entry->second.uid == uid && entry->second.text == text) {
        entry->second.resource_version = std::move(version);
        return;
    }
    if (entry == entries_.end()) {
        entry = entries_.try_emplace(key).first;
    } else {
        unindex(key, entry->second);
        bytes_ -= entry->second.text.size();
    }
    bytes_ += text.size();
    entry->second = {uid, std::move(version), std::move(text)};
    index(key, object);
    changed(key);
}

void Cache::take_deletion(const Json& object) {
    const auto key = key_of(object);
    const auto uid = uid_bytes(uid_of(object));
    tombstones_.erase(uid);
    if (filling_) {
        filling_->seen.erase(key);
        filling_->uids.erase(uid);
    }
    const auto entry = entries_.find(key);
    if (entry == entries_.end() || entry->second.uid != uid) return;
    // With a selector it may have left the selection before a later write of ours brought it back.
    const bool selects =
        !options_.selection.label_selector.empty() || !options_.selection.field_selector.empty();
    if (selects && is_newer(entry->second.resource_version, resource_version_of(object))) return;
    erase(entry);
}

void Cache::erase(std::map<ObjectKey, Entry>::iterator entry) {
    const auto key = entry->first;
    unindex(key, entry->second);
    bytes_ -= entry->second.text.size();
    entries_.erase(entry);
    changed(key);
}

// All has been seen: what was not seen is gone, save what we wrote after the server looked.
void Cache::settle(const std::string& version) {
    SLUICE_ASSERT(filling_);
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        const auto here = entry++;
        if (filling_->seen.contains(here->first)) continue;
        if (!distrusts_itself_ && is_newer(here->second.resource_version, version)) continue;
        erase(here);
    }
    std::erase_if(tombstones_,
                  [&](const auto& tombstone) { return !filling_->uids.contains(tombstone.first); });
    filling_.reset();
    distrusts_itself_ = false;
    version_ = version;
    if (!synced_) {
        synced_ = true;
        synced_signal_.notify_all();
    }
}

// ---- Index and callbacks ----

void Cache::index(const ObjectKey& key, const Json& object) {
    if (!options_.index) return;
    for (auto& value : options_.index(object)) by_index_[std::move(value)].insert(key);
}

void Cache::unindex(const ObjectKey& key, const Entry& entry) {
    if (!options_.index) return;
    for (const auto& value : options_.index(thawed(entry))) {
        const auto keys = by_index_.find(value);
        if (keys == by_index_.end()) continue;
        keys->second.erase(key);
        if (keys->second.empty()) by_index_.erase(keys);
    }
}

void Cache::on_change(std::function<void(const ObjectKey&)> callback) {
    callbacks_.push_back(std::move(callback));
}

void Cache::changed(const ObjectKey& key) {
    for (const auto& callback : callbacks_) callback(key);
}

bool Cache::synced() const {
    return synced_;
}

Task<> Cache::wait_until_synced() {
    while (!synced_) co_await synced_signal_.wait();
}

std::optional<Time> Cache::last_contact() const {
    return last_contact_;
}

std::optional<Error> Cache::trouble() const {
    return trouble_;
}

const Resource& Cache::resource() const {
    return resource_;
}

}  // namespace sluice::kube
