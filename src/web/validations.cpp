#include "web/validations.hpp"

#include "base/core/sha256.hpp"
#include "web/answer.hpp"
#include "web/nullable.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace sluice::web {
namespace {

namespace resources = kube::resources;

constexpr Duration pause = std::chrono::seconds{1};
constexpr Duration pause_for_others = std::chrono::seconds{5};
// Who does not answer by then is left out, and looked at when it does.
constexpr Duration reading_limit = std::chrono::seconds{3};

std::string id_of(const release::Finding& finding) {
    return sha256_hex(
               fmt::format(
                   "{}\n{}\n{}\n{}", finding.code, finding.object, finding.field, finding.text))
        .substr(0, 16);
}

// What is found of a pod, and of a namespace's pods by their names.
bool names_pods(const release::Finding& finding) {
    return finding.object.starts_with("Pod ") || finding.code == "IST0158";
}

auto order_of(const Validation& one) {
    return std::tie(one.finding.level, one.object, one.finding.field, one.finding.text);
}

}  // namespace

JsonObject json_of(const Validation& validation) {
    const auto& finding = validation.finding;
    return {{"id", validation.id},
            {"code", finding.code},
            {"level", to_string(finding.level)},
            {"object",
             JsonObject{{"kind", finding.object.substr(0, finding.object.find(' '))},
                        {"namespace", validation.object.ns},
                        {"name", validation.object.name}}},
            {"path", finding.field},
            {"message", finding.text},
            {"since", time_json(validation.since)},
            {"suggestion", text_json(finding.suggestion)}};
}

void LevelCounts::add(release::Level level) {
    switch (level) {
        case release::Level::error:
            ++errors;
            return;
        case release::Level::warning:
            ++warnings;
            return;
        case release::Level::info:
            ++infos;
            return;
    }
}

JsonObject json_of(const LevelCounts& counts) {
    return {{"error", counts.errors}, {"warning", counts.warnings}, {"info", counts.infos}};
}

void Validations::open(Known& known) {
    if (opened_) return;
    opened_ = clock_.now();
    Surroundings::open(known);
}

void Validations::tell_apart() {
    if (std::exchange(tells_apart_, true)) return;
    for (const auto& [ns, found] : found_) behind_[ns] = clock_.now();
}

void Validations::forget() {
    opened_.reset();
    tells_apart_ = false;
    surroundings_.forget();
    kinds_ = {};
    found_.clear();
    behind_.clear();
    looked_.clear();
    read_.clear();
    askers_.clear();
    questions_.clear();
}

// --- what has changed ---------------------------------------------------------------------------

bool Validations::call_for_look(const std::string& ns, Duration rest) {
    const auto looked = looked_.find(ns);
    const auto now = clock_.now();
    const auto due = looked == looked_.end() ? now : std::max(now, looked->second + rest);
    const auto [place, is_new] = behind_.try_emplace(ns, due);
    if (is_new) return true;
    return std::exchange(place->second, std::min(place->second, due)) > due;
}

bool Validations::note_change(const Known& known,
                              const kube::Resource& resource,
                              const kube::ObjectKey& key) {
    const auto* kind = release::lint_kind_of(resource);
    if (kind == nullptr) return false;
    // Of ConfigMaps only these are read.
    if (resource == resources::config_maps && !release::is_injector(key)) return false;
    const auto& ns = resource == resources::namespaces ? key.name : key.ns;
    const auto due = behind_.find(ns);
    const auto wait = resource == resources::pods ? pause_for_others : pause;
    const bool is_called_for = due != behind_.end() && due->second <= clock_.now() + wait;
    const bool may_be_asked_for =
        kind->everywhere && (Surroundings::is_seen_by_all(*kind) || !askers_.empty());
    if (is_called_for && !may_be_asked_for) return false;
    const auto object = known.get(resource, key);
    const bool is_due_here = !is_called_for && note_at_home(*kind, key, object);
    const bool is_due_elsewhere = may_be_asked_for && note_elsewhere(*kind, key, object);
    return is_due_here || is_due_elsewhere;
}

bool Validations::note_at_home(const release::LintKind& kind,
                               const kube::ObjectKey& key,
                               const std::optional<Json>& object) {
    if (kind.resource == resources::pods) {
        // They change often, and mostly with what they belong to.
        return !surroundings_.is_as_seen(key, object) && call_for_look(key.ns, pause_for_others);
    }
    const auto& ns = kind.resource == resources::namespaces ? key.name : key.ns;
    const auto& all_read = read_[ns];
    const auto read = all_read.find({kind.resource.qualified(), key});
    const bool is_known =
        object && read != all_read.end() && read->second == Surroundings::hash_of(*object);
    return !is_known && call_for_look(ns, pause);
}

bool Validations::note_elsewhere(const release::LintKind& kind,
                                 const kube::ObjectKey& key,
                                 const std::optional<Json>& object) {
    const auto* now = object ? &*object : nullptr;
    bool is_due = false;
    if (Surroundings::is_seen_by_all(kind)) {
        if (!surroundings_.note(kind, key, now)) return false;
        for (const auto& [ns, found] : found_) is_due |= call_for_look(ns, pause_for_others);
        return is_due;
    }
    const Surroundings::Name name{kind.resource.qualified(), key};
    for (const auto& question : Surroundings::answered_by(kind, key, now)) {
        const auto askers = askers_.find(question);
        if (askers == askers_.end()) continue;
        for (const auto& ns : askers->second) {
            if (ns == key.ns) continue;
            const auto& all_read = read_[ns];
            const auto read = all_read.find(name);
            const bool is_known = now != nullptr && read != all_read.end() &&
                                  read->second == Surroundings::outer_hash_of(kind.resource, *now);
            if (!is_known) is_due |= call_for_look(ns, pause_for_others);
        }
    }
    return is_due;
}

std::optional<Time> Validations::due(const Known& known) const {
    if (!opened_) return std::nullopt;
    std::optional<Time> first;
    for (const auto& [ns, at] : behind_) {
        if (!first || at < *first) first = at;
    }
    const auto kinds = Surroundings::kinds(known);
    const auto now = clock_.now();
    if (!found_.empty() && kinds != kinds_) first = now;
    // Of half a cluster something would be found that is not so.
    if (first && !kinds.are_settled) first = std::max(*first, *opened_ + reading_limit);
    return first;
}

std::size_t Validations::not_yet_looked_at(
    const std::function<bool(const std::string& ns)>& sees) const {
    if (!opened_) return 0;
    return static_cast<std::size_t>(std::ranges::count_if(
        behind_, [&](const auto& one) { return !looked_.contains(one.first) && sees(one.first); }));
}

bool Validations::is_due(const Known& known) const {
    const auto when = due(known);
    return when && *when <= clock_.now();
}

// --- looking ------------------------------------------------------------------------------------

Validations::Change Validations::look(const Known& known) {
    Change change;
    if (!is_due(known)) return change;
    auto kinds = Surroundings::kinds(known);
    if (std::exchange(kinds_, kinds) != kinds) {
        for (const auto& [ns, found] : found_) behind_[ns] = clock_.now();
    }
    const auto next =
        std::ranges::find_if(behind_, [&](const auto& one) { return one.second <= clock_.now(); });
    if (next == behind_.end()) return change;
    const auto ns = next->first;
    change.ns = ns;
    behind_.erase(next);
    looked_[ns] = clock_.now();

    auto sight = surroundings_.look(known, kinds, ns);
    const auto before = std::exchange(found_[ns], {});
    const bool is_empty = std::ranges::none_of(sight.around.objects, [&](const Json& object) {
        return release::is_in_namespace(object, ns);
    });
    Found now;
    if (!is_empty) {
        now = find(sight.around, ns, before);
        if (tells_apart_) mark_plain(std::move(sight.around), now);
    }
    const auto compare = [&](News& news, bool sees_everything) {
        const auto tell = [&](const Found& all, const Found& others, std::vector<Validation>& as) {
            for (const auto& [id, one] : all) {
                const auto other = others.find(id);
                const bool is_there =
                    other != others.end() && is_shown(other->second, sees_everything, true);
                if (is_shown(one, sees_everything, true) && !is_there) as.push_back(one);
            }
        };
        tell(now, before, news.upsert);
        tell(before, now, news.remove);
    };
    compare(change.whole, true);
    compare(change.plain, false);
    if (!is_empty) {
        found_[ns] = std::move(now);
        read_[ns] = std::move(sight.read);
        ask_from(ns, std::move(sight.questions));
    } else {
        found_.erase(ns);
        looked_.erase(ns);
        read_.erase(ns);
        surroundings_.forget(ns);
        ask_from(ns, {});
    }
    return change;
}

// What stands elsewhere is told of there.
Validations::Found Validations::find(const release::Around& around,
                                     const std::string& ns,
                                     const Found& before) const {
    Found now;
    const release::Linter linter(around, settings_);
    for (const auto& object : around.objects) {
        if (!release::is_in_namespace(object, ns)) continue;
        auto key = kube::key_of(object);
        if (key.ns.empty()) key.ns = ns;
        for (auto& finding : linter.look(object)) {
            auto id = id_of(finding);
            const auto known_already = before.find(id);
            const auto since =
                known_already == before.end() ? clock_.now() : known_already->second.since;
            const bool is_of_pods = names_pods(finding);
            now.emplace(id,
                        Validation{.id = id,
                                   .finding = std::move(finding),
                                   .object = key,
                                   .since = since,
                                   .is_of_pods = is_of_pods});
        }
    }
    return now;
}

// Looks again with eyes for this namespace alone. What is found only then is not so.
void Validations::mark_plain(release::Around around, Found& found) const {
    std::erase_if(around.objects, [&](const Json& object) {
        return !release::is_in_namespace(object, around.home);
    });
    for (const auto& kind : release::lint_kinds()) {
        (kind.resource.namespaced ? around.elsewhere : around.unread).insert(kind.resource.kind);
    }
    const release::Linter linter(around, settings_);
    for (const auto& object : around.objects) {
        for (const auto& finding : linter.look(object)) {
            const auto one = found.find(id_of(finding));
            if (one != found.end()) one->second.is_plain_at_home = true;
        }
    }
}

void Validations::ask_from(const std::string& ns, std::set<std::string> questions) {
    auto& asked = questions_[ns];
    for (const auto& question : asked) {
        const auto askers = askers_.find(question);
        if (questions.contains(question) || askers == askers_.end()) continue;
        askers->second.erase(ns);
        if (askers->second.empty()) askers_.erase(askers);
    }
    for (const auto& question : questions) askers_[question].insert(ns);
    asked = std::move(questions);
    if (asked.empty()) questions_.erase(ns);
}

// --- what is told -------------------------------------------------------------------------------

Validations::News Validations::News::without_pods() const {
    auto news = *this;
    for (auto* all : {&news.upsert, &news.remove}) std::erase_if(*all, &Validation::is_of_pods);
    return news;
}

bool Validations::is_shown(const Validation& one, bool sees_everything, bool sees_pods) {
    return (sees_everything || one.is_plain_at_home) && (sees_pods || !one.is_of_pods);
}

void Validations::visit(const Of& of, const std::function<void(const Validation&)>& visit) const {
    for (const auto& [ns, found] : found_) {
        if (!of.namespaces.empty() && !of.namespaces.contains(ns)) continue;
        const bool sees_pods = !of.sees_pods || of.sees_pods(ns);
        for (const auto& [id, one] : found) {
            if (is_shown(one, of.sees_everything, sees_pods)) visit(one);
        }
    }
}

std::vector<const Validation*> Validations::all(const Of& of) const {
    std::vector<const Validation*> all;
    visit(of, [&](const Validation& one) { all.push_back(&one); });
    std::ranges::sort(all, [](const Validation* one, const Validation* other) {
        return order_of(*one) < order_of(*other);
    });
    return all;
}

LevelCounts Validations::counts(const Of& of) const {
    LevelCounts counts;
    visit(of, [&](const Validation& one) { counts.add(one.finding.level); });
    return counts;
}

std::vector<const Validation*> Validations::for_all(const std::string& ns) const {
    return all({.namespaces = {ns},
                .sees_everything = !tells_apart_,
                .sees_pods = [](const std::string& /*ns*/) { return false; }});
}

std::vector<Problem> Validations::problems(const Known& known, bool sees_everything) const {
    std::vector<Problem> problems;
    const auto text = release::not_judged(Surroundings::kinds(known).unreadable);
    if (!text.empty()) {
        problems.push_back({.code = "not_judged", .message = "Findings: " + text, .since = {}});
    }
    if (!sees_everything) {
        problems.push_back({.code = "not_judged",
                            .message = "Findings: what only other namespaces tell, and those "
                                       "without a Canary, are left out, for you may not read "
                                       "them all",
                            .since = {}});
    }
    return problems;
}

}  // namespace sluice::web
