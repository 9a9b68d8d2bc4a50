#include "controller/contests.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <vector>

namespace sluice::controller {
namespace {

using Path = std::vector<std::string>;

// What it was decided on, and no field of anybody's.
bool is_condition(const Path& path) {
    return path == Path{"metadata", "resourceVersion"} || path == Path{"metadata", "uid"};
}

// Each field that the patch writes; a list is one.
void gather_fields(const Json& patch, Path& path, std::vector<Path>& found) {
    if (!patch.is_object() || patch.get_object().empty()) {
        if (!path.empty() && !is_condition(path)) found.push_back(path);
        return;
    }
    for (const auto& [key, value] : patch.get_object()) {
        path.emplace_back(key);
        gather_fields(value, path, found);
        path.pop_back();
    }
}

// Who holds a whole, or a part of a list, holds the field.
bool holds(const Json& fields, const Path& path) {
    const Json* at = &fields;
    for (const auto& key : path) {
        if (!at->is_object()) return false;
        const auto* below = at->get_object().if_contains("f:" + key);
        if (below == nullptr) return at != &fields && at->get_object().empty();
        at = below;
    }
    return true;
}

std::string dotted(const Path& path) {
    std::string text;
    for (const auto& key : path) text += (text.empty() ? "" : ".") + key;
    return text;
}

}  // namespace

Duration Contests::pause_of(const Contest& contest) {
    auto pause = pause_min;
    for (int i = 1; i < contest.times && pause < pause_max; ++i) pause *= 2;
    return std::min(pause, pause_max);
}

Time Contests::end_of(const Contest& contest) {
    const auto pause = pause_of(contest);
    return contest.last + pause + std::max(pause, quiet_min);
}

int Contests::note(const std::string& object, Time now) {
    auto& contest = contests_[object];
    if (contest.times > 0 && now >= end_of(contest)) contest = {};
    ++contest.times;
    contest.last = now;
    return contest.times;
}

int Contests::times(const std::string& object, Time now) const {
    const auto found = contests_.find(object);
    return found == contests_.end() || now >= end_of(found->second) ? 0 : found->second.times;
}

void Contests::tell(const std::string& object, std::string text) {
    contests_[object].text = std::move(text);
}

std::set<std::string> Contests::spaced(Time now) const {
    std::set<std::string> objects;
    for (const auto& [object, contest] : contests_) {
        // A clock that has gone back makes no pause longer.
        if (contest.last <= now && now < contest.last + pause_of(contest)) objects.insert(object);
    }
    return objects;
}

std::optional<Time> Contests::next(Time now) const {
    std::optional<Time> next;
    for (const auto& [object, contest] : contests_) {
        const auto again = contest.last + pause_of(contest);
        if (now >= again && contest.text.empty()) continue;
        const auto then = now < again ? again : end_of(contest);
        if (then > now && (!next || then < *next)) next = then;
    }
    return next;
}

std::string Contests::told(Time now) const {
    std::string all;
    for (const auto& [object, contest] : contests_) {
        if (contest.text.empty() || now >= end_of(contest)) continue;
        all += (all.empty() ? "" : "; ") + contest.text;
    }
    return all;
}

canary::Contender contender_of(const Json& live, const Json& patch, std::string_view ourselves) {
    std::vector<Path> fields;
    Path path;
    gather_fields(patch, path, fields);
    for (const auto& field : fields) {
        std::string_view manager;
        std::string_view latest;
        for (const auto& entry : array_at(live, {"metadata", "managedFields"})) {
            const auto who = text_at(entry, {"manager"});
            const auto when = text_at(entry, {"time"});
            const auto* held = find(entry, {"fieldsV1"});
            if (who.empty() || who == ourselves || held == nullptr || !holds(*held, field))
                continue;
            if (!manager.empty() && when < latest) continue;
            manager = who;
            latest = when;
        }
        if (!manager.empty()) return {dotted(field), std::string(manager)};
    }
    return {fields.empty() ? "" : dotted(fields.front()), {}};
}

}  // namespace sluice::controller
