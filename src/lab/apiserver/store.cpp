#include "lab/apiserver/store.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::lab {

ObjectPtr Store::find(const std::string& kind, const ObjectKey& key) const {
    const auto& there = objects(kind);
    const auto object = there.find(key);
    return object == there.end() ? nullptr : object->second;
}

const Store::Objects& Store::objects(const std::string& kind) const {
    static const Objects none;
    const auto table = tables_.find(kind);
    return table == tables_.end() ? none : table->second.objects;
}

const ObjectId* Store::locate(const std::string& uid) const {
    const auto there = by_uid_.find(uid);
    return there == by_uid_.end() ? nullptr : &there->second;
}

std::vector<ObjectId> Store::dependents(const std::string& uid) const {
    const auto there = by_owner_.find(uid);
    if (there == by_owner_.end()) return {};
    return {there->second.begin(), there->second.end()};
}

void Store::keep(const ObjectId& id, ObjectPtr object, const ObjectPtr& before) {
    if (before) unindex(id, *before);
    index(id, *object);
    auto& table = tables_[id.kind];
    table.objects[id.key] = object;
    record(
        table,
        {before ? ChangeKind::modified : ChangeKind::added, std::move(object), before, revision_});
}

void Store::swap(const ObjectId& id, ObjectPtr object) {
    tables_[id.kind].objects[id.key] = std::move(object);
}

void Store::take_away(const ObjectId& id, ObjectPtr last, const ObjectPtr& before) {
    unindex(id, *before);
    auto& table = tables_[id.kind];
    table.objects.erase(id.key);
    record(table, {ChangeKind::deleted, std::move(last), before, revision_});
}

void Store::forget(const std::string& kind) {
    const auto table = tables_.find(kind);
    if (table == tables_.end()) return;
    // What is queued is still delivered: the subscribers themselves live in the queue.
    table->second.subscribers.clear();
    table->second.log.clear();
    table->second.forgotten = revision_;
}

void Store::deliver_by(Post post) {
    post_ = std::move(post);
    for (auto& work : std::exchange(waiting_, {})) post_(std::move(work));
}

void Store::post(std::function<void()> work) {
    if (post_) {
        post_(std::move(work));
    } else {
        waiting_.push_back(std::move(work));
    }
}

Subscription Store::watch(const std::string& kind, View view, Callback callback) {
    auto& table = tables_[kind];
    auto subscriber = std::make_shared<Subscriber>(std::move(view), std::move(callback));
    for (const auto& [key, object] : table.objects) {
        subscriber->pending.push_back({ChangeKind::added, object, nullptr, revision_});
    }
    return subscribe(table, subscriber);
}

std::optional<Subscription> Store::watch_from(const std::string& kind,
                                              std::int64_t revision,
                                              View view,
                                              Callback callback) {
    auto& table = tables_[kind];
    if (revision < table.forgotten) return std::nullopt;
    auto subscriber = std::make_shared<Subscriber>(std::move(view), std::move(callback));
    for (const auto& change : table.log) {
        if (change.revision > revision) subscriber->pending.push_back(change);
    }
    return subscribe(table, subscriber);
}

Subscription Store::subscribe(Table& table, const std::shared_ptr<Subscriber>& subscriber) {
    table.subscribers.push_back(subscriber);
    if (!subscriber->pending.empty()) wake(subscriber);
    return Subscription([weak = std::weak_ptr(subscriber)] {
        if (const auto there = weak.lock()) {
            there->ended = true;
            there->pending.clear();
        }
    });
}

void Store::record(Table& table, Change change) {
    std::erase_if(table.subscribers, [](const auto& subscriber) { return subscriber->ended; });
    for (const auto& subscriber : table.subscribers) {
        subscriber->pending.push_back(change);
        wake(subscriber);
    }
    table.log.push_back(std::move(change));
    if (table.log.size() > log_max) {
        table.forgotten = table.log.front().revision;
        table.log.pop_front();
    }
}

void Store::wake(const std::shared_ptr<Subscriber>& subscriber) {
    if (subscriber->posted) return;
    subscriber->posted = true;
    post([subscriber] {
        subscriber->posted = false;
        // What is written by the callback comes in a later turn, so that no watcher starves others.
        auto changes = std::exchange(subscriber->pending, {});
        for (auto& change : changes) {
            if (subscriber->ended) return;
            if (subscriber->view) {
                change.object = subscriber->view(change.object);
                if (change.before) change.before = subscriber->view(change.before);
            }
            subscriber->callback(change);
        }
    });
}

void Store::index(const ObjectId& id, const Json& object) {
    by_uid_[std::string(kube::uid_of(object))] = id;
    for (const auto& owner : array_at(object, {"metadata", "ownerReferences"})) {
        by_owner_[std::string(text_at(owner, {"uid"}))].insert(id);
    }
}

void Store::unindex(const ObjectId& id, const Json& object) {
    by_uid_.erase(std::string(kube::uid_of(object)));
    for (const auto& owner : array_at(object, {"metadata", "ownerReferences"})) {
        const auto there = by_owner_.find(std::string(text_at(owner, {"uid"})));
        if (there == by_owner_.end()) continue;
        there->second.erase(id);
        if (there->second.empty()) by_owner_.erase(there);
    }
}

}  // namespace sluice::lab
