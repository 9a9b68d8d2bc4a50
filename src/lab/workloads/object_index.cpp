#include "lab/workloads/object_index.hpp"

#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace sluice::lab {
namespace {

// Objects without a controller stand under their namespace, which is no uid.
std::string owner_of(const Json& object) {
    const auto* controller = kube::controller_of(object);
    if (controller == nullptr) return "ns " + kube::key_of(object).ns;
    return std::string(text_at(*controller, {"uid"}));
}

std::vector<std::string> labels_of(const Json& object) {
    auto pairs = label_pairs(object_at(object, {"metadata", "labels"}));
    for (auto& pair : pairs) pair = fmt::format("{}/{}", kube::key_of(object).ns, pair);
    return pairs;
}

bool has_labels(const Json& object, const JsonObject& wanted) {
    const auto& labels = object_at(object, {"metadata", "labels"});
    return std::ranges::all_of(wanted, [&](const auto& label) {
        const auto* found = labels.if_contains(label.key());
        return found != nullptr && *found == label.value();
    });
}

}  // namespace

std::vector<std::string> label_pairs(const JsonObject& labels) {
    std::vector<std::string> pairs;
    pairs.reserve(labels.size());
    for (const auto& label : labels) {
        if (!label.value().is_string()) continue;
        pairs.push_back(fmt::format(
            "{}={}", std::string_view(label.key()), std::string_view(label.value().get_string())));
    }
    return pairs;
}

ObjectIndex::ObjectIndex(Cluster& cluster, Resource resource)
    : cluster_(cluster), resource_(std::move(resource)) {}

void ObjectIndex::on_change(std::function<void(const Change&)> listener) {
    listeners_.push_back(std::move(listener));
}

void ObjectIndex::start() {
    subscription_ = cluster_.watch(resource_, [this](const Change& change) {
        // An older change must not forget what a later write, already noted, has said.
        const auto now = cluster_.find(resource_, kube::key_of(*change.object));
        if (change.before) forget(*change.before);
        if (change.kind == ChangeKind::deleted) forget(*change.object);
        if (now) note(*now);
        for (const auto& listener : listeners_) listener(change);
    });
}

void ObjectIndex::note(const Json& object) {
    const auto key = kube::key_of(object);
    by_owner_[owner_of(object)].insert(key);
    for (const auto& label : labels_of(object)) by_label_[label].insert(key);
}

void ObjectIndex::forget(const Json& object) {
    const auto key = kube::key_of(object);
    const auto drop_from = [&key](auto& map, const std::string& name) {
        const auto found = map.find(name);
        if (found == map.end()) return;
        found->second.erase(key);
        if (found->second.empty()) map.erase(found);
    };
    drop_from(by_owner_, owner_of(object));
    for (const auto& label : labels_of(object)) drop_from(by_label_, label);
}

std::vector<ObjectPtr> ObjectIndex::read(const Keys& keys) const {
    std::vector<ObjectPtr> found;
    found.reserve(keys.size());
    for (const auto& key : keys) {
        if (auto object = cluster_.find(resource_, key)) found.push_back(std::move(object));
    }
    return found;
}

std::vector<ObjectPtr> ObjectIndex::owned_by(std::string_view uid) const {
    const auto keys = by_owner_.find(uid);
    if (keys == by_owner_.end()) return {};
    auto found = read(keys->second);
    std::erase_if(found, [uid](const auto& object) { return owner_of(*object) != uid; });
    return found;
}

std::vector<ObjectPtr> ObjectIndex::orphans(std::string_view ns) const {
    const auto keys = by_owner_.find(fmt::format("ns {}", ns));
    if (keys == by_owner_.end()) return {};
    auto found = read(keys->second);
    std::erase_if(found,
                  [](const auto& object) { return kube::controller_of(*object) != nullptr; });
    return found;
}

std::vector<ObjectPtr> ObjectIndex::labelled(std::string_view ns, const JsonObject& labels) const {
    const Keys* fewest = nullptr;
    for (const auto& pair : label_pairs(labels)) {
        const auto keys = by_label_.find(fmt::format("{}/{}", ns, pair));
        if (keys == by_label_.end()) return {};
        if (fewest == nullptr || keys->second.size() < fewest->size()) fewest = &keys->second;
    }
    if (fewest == nullptr) return {};
    auto found = read(*fewest);
    std::erase_if(found, [&](const auto& object) { return !has_labels(*object, labels); });
    return found;
}

}  // namespace sluice::lab
