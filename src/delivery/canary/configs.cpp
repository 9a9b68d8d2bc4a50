#include "delivery/canary/configs.hpp"

#include "base/core/sha256.hpp"
#include "delivery/canary/objects.hpp"
#include "delivery/canary/steps.hpp"
#include "delivery/canary/workloads.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::canary {
namespace {

constexpr std::string_view suffix = "-primary";
// Where a summary has its checksums.
constexpr std::string_view summary_key = "contents";

// --- references -------------------------------------------------------------------------------

// Whether it may be missing, by reference; the last mention decides.
using References = std::map<std::string, bool>;

struct Place {
    JsonPath holder;
    std::string_view name_key;
    std::string_view kind;
};

void add(const Json& parent, const Place& place, References& found) {
    const auto* holder = find(parent, place.holder);
    if (holder == nullptr) return;
    const auto name = text_at(*holder, {place.name_key});
    if (name.empty()) return;
    found[fmt::format("{}/{}", place.kind, name)] = bool_at(*holder, {"optional"}).value_or(false);
}

void add_volume(const Json& volume, References& found) {
    add(volume, {{"configMap"}, "name", "configmap"}, found);
    add(volume, {{"secret"}, "secretName", "secret"}, found);
    for (const auto& source : array_at(volume, {"projected", "sources"})) {
        add(source, {{"configMap"}, "name", "configmap"}, found);
        add(source, {{"secret"}, "name", "secret"}, found);
    }
}

void add_container(const Json& container, References& found) {
    for (const auto& variable : array_at(container, {"env"})) {
        add(variable, {{"valueFrom", "configMapKeyRef"}, "name", "configmap"}, found);
        add(variable, {{"valueFrom", "secretKeyRef"}, "name", "secret"}, found);
    }
    for (const auto& source : array_at(container, {"envFrom"})) {
        add(source, {{"configMapRef"}, "name", "configmap"}, found);
        add(source, {{"secretRef"}, "name", "secret"}, found);
    }
}

References references_of(const Json& deployment) {
    References found;
    const auto* pod = find(deployment, {"spec", "template", "spec"});
    if (pod == nullptr) return found;
    for (const auto& volume : array_at(*pod, {"volumes"})) add_volume(volume, found);
    for (const auto& container : array_at(*pod, {"containers"})) add_container(container, found);
    for (const auto& container : array_at(*pod, {"initContainers"})) {
        add_container(container, found);
    }
    return found;
}

// Not opted out, and of a type that the peer copies.
bool is_followed(std::string_view reference, const Json& object) {
    if (text_at(object, {"metadata", "annotations", "flagger.app/config-tracking"})
            .starts_with("disable")) {
        return false;
    }
    if (!reference.starts_with("secret/")) return true;
    const auto type = text_at(object, {"type"}, "Opaque");
    return type == "Opaque" || type == "kubernetes.io/basic-auth" ||
           type == "kubernetes.io/ssh-auth" || type == "kubernetes.io/tls";
}

std::string_view type_of(std::string_view reference) {
    return reference.substr(0, reference.find('/'));
}

std::string reference_to(const Json& object) {
    const bool is_secret = text_at(object, {"kind"}) == "Secret";
    return fmt::format(
        "{}/{}", is_secret ? "secret" : "configmap", text_at(object, {"metadata", "name"}));
}

// --- checksums --------------------------------------------------------------------------------

// As Go writes a string into JSON: the characters of HTML and two line separators are escaped.
std::string go_quoted(std::string_view text) {
    std::string quoted = "\"";
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += text[i];
        } else if (c == '\n') {
            quoted += "\\n";
        } else if (c == '\r') {
            quoted += "\\r";
        } else if (c == '\t') {
            quoted += "\\t";
        } else if (c == '\b') {
            quoted += "\\b";
        } else if (c == '\f') {
            quoted += "\\f";
        } else if (c < 0x20 || c == '<' || c == '>' || c == '&') {
            quoted += fmt::format("\\u{:04x}", c);
        } else if (text.substr(i, 3) == "\u2028" || text.substr(i, 3) == "\u2029") {
            quoted += text.substr(i, 3) == "\u2028" ? "\\u2028" : "\\u2029";
            i += 2;
        } else {
            quoted += text[i];
        }
    }
    return quoted + '"';
}

std::string go_text(const Json* map) {
    if (map == nullptr || !map->is_object()) return "null";
    std::map<std::string_view, std::string_view> sorted;
    for (const auto& [key, value] : map->get_object()) {
        sorted[key] = value.is_string() ? std::string_view(value.get_string()) : "";
    }
    std::string text = "{";
    for (const auto& [key, value] : sorted) {
        if (text.size() > 1) text += ',';
        text += go_quoted(key) + ':' + go_quoted(value);
    }
    return text + '}';
}

std::string shortened(std::string_view text) {
    constexpr std::size_t length = 16;
    return sha256_hex(text).substr(0, length);
}

std::string peers_checksum(const Json& object) {
    return shortened(go_text(find(object, {"data"})));
}

std::string checksum_in(const Json& summary) {
    return std::string(text_at(summary, {summary_key, "checksum"}));
}

// --- owners -----------------------------------------------------------------------------------

bool is_owned_by(const Json& object, std::string_view uid) {
    return std::ranges::any_of(array_at(object, {"metadata", "ownerReferences"}),
                               [&](const Json& owner) { return text_at(owner, {"uid"}) == uid; });
}

const Json* find_config(const World& world, const std::string& reference) {
    const auto found = world.configs.find(reference);
    return found == world.configs.end() ? nullptr : &found->second;
}

const Json* find_owned(const World& world, std::string_view reference) {
    const auto found = std::ranges::find_if(
        world.owned_configs, [&](const Json& object) { return reference_to(object) == reference; });
    return found == world.owned_configs.end() ? nullptr : &*found;
}

// --- effects ----------------------------------------------------------------------------------

// Where what was promoted lies while its copy holds something newer:
// "secret/token-podinfo-primary-last". Canaries that share a config have one each.
std::string aside_suffix(const World& world) {
    return fmt::format("-{}-last", world.canary.primary_name());
}

struct Copying {
    std::string from;  // references
    std::string to;
    std::string checksum;
};

CopyConfig copy_effect(const World& world, const Copying& copying, std::string_view failing) {
    CopyConfig copy;
    copy.kind = kind_of_config(copying.from);
    copy.from = name_of_config(copying.from);
    copy.to = name_of_config(copying.to);
    copy.checksum = copying.checksum;
    copy.label_prefixes = world.settings.label_prefixes;
    copy.owner = owner_references(world).front();
    copy.telling.log = fmt::format("{} {} synced", to_string(copy.kind), copy.to);
    copy.telling.failure = fmt::format("{}CreatePrimaryConfigs failed: ", failing);
    return copy;
}

// Nothing when the copy stands as it should.
std::optional<Effect> copy_if_needed(const World& world,
                                     const std::string& reference,
                                     std::string_view failing) {
    const auto checksum = world.tracked.at(reference);
    const auto to = copy_of_config(reference);
    const auto* present = find_config(world, to);
    if (present != nullptr && checksum_in(*present) == checksum &&
        is_owned_by(*present, world.canary.uid)) {
        return std::nullopt;
    }
    return copy_effect(world, {reference, to, checksum}, failing);
}

bool is_own_annotation(std::string_view key) {
    return key.find("toolkit.fluxcd.io") != std::string_view::npos ||
           key.starts_with("kubectl.kubernetes.io/") || key.starts_with("flagger.app/") ||
           key.starts_with("sluice.dev/");
}

bool is_included(std::string_view key, const std::vector<std::string>& prefixes) {
    return std::ranges::any_of(prefixes, [&](const std::string& prefix) {
        return prefix == "*" || (!prefix.empty() && key.starts_with(prefix));
    });
}

void put_or_drop(Json& object, JsonPath path, JsonObject value) {
    if (value.empty()) {
        drop(object, path);
    } else {
        put(object, path, std::move(value));
    }
}

}  // namespace

std::vector<std::string> config_references(const Json& deployment) {
    std::vector<std::string> names;
    for (const auto& [name, optional] : references_of(deployment)) names.push_back(name);
    return names;
}

Kind kind_of_config(std::string_view reference) {
    return reference.starts_with("secret/") ? Kind::secret : Kind::config_map;
}

std::string name_of_config(std::string_view reference) {
    return std::string(reference.substr(reference.find('/') + 1));
}

std::string copy_of_config(std::string_view reference) {
    return std::string(reference) + std::string(suffix);
}

Json config_summary(Json object) {
    Json contents =
        JsonObject{{"checksum", config_checksum(object)}, {"data", peers_checksum(object)}};
    for (const std::string_view key : {"data", "binaryData", "stringData"}) drop(object, {key});
    put(object, {summary_key}, std::move(contents));
    return object;
}

std::string config_checksum(const Json& object) {
    const auto* binary = find(object, {"binaryData"});
    if (binary == nullptr || !binary->is_object() || binary->get_object().empty()) {
        return peers_checksum(object);
    }
    return shortened(go_text(find(object, {"data"})) + go_text(binary));
}

// --- what is seen -----------------------------------------------------------------------------

std::map<std::string, std::string> read_configs(const Seen& seen, World& world) {
    const auto& status = world.canary.status;
    const auto known = status.tracked_configs.value_or(std::map<std::string, std::string>{});
    if (!seen.settings.track_configs) {
        // What was followed before counts as unchanged until the next revision.
        world.tracked = known;
        world.stands_as_noted = true;
        return world.tracked;
    }
    world.configs = seen.configs;
    world.owned_configs = seen.owned_configs;
    std::map<std::string, std::string> peers;
    std::map<std::string, std::string> missing;
    for (const auto& [reference, optional] : references_of(*seen.target)) {
        const auto* object = find_config(world, reference);
        if (object != nullptr) {
            if (!is_followed(reference, *object)) continue;
            world.tracked[reference] = checksum_in(*object);
            peers[reference] = text_at(*object, {summary_key, "data"});
            continue;
        }
        if (optional) continue;
        // A read that finds nothing is no change: what was known of it still counts.
        if (const auto noted = known.find(reference); noted != known.end()) {
            world.tracked[reference] = noted->second;
            peers[reference] = noted->second;
        } else {
            missing[reference] = "missing";
        }
        if (!world.config_trouble.empty()) continue;
        const auto name = name_of_config(reference);
        const auto asked =
            fmt::format("{} {} get query error: ", type_of(reference), world.canary.dotted(name));
        world.config_trouble = fmt::format("GetTargetConfigs failed: {0}{0}{1}s \"{2}\" not found",
                                           asked,
                                           type_of(reference),
                                           name);
    }
    world.stands_as_noted = known == world.tracked || known == peers;
    missing.insert(world.tracked.begin(), world.tracked.end());
    return missing;
}

std::string config_refusal(const Seen& seen, const api::Canary& canary) {
    if (!seen.target || !seen.settings.track_configs) return {};
    const auto references = references_of(*seen.target);
    for (const auto& [reference, optional] : references) {
        const auto source = seen.configs.find(reference);
        if (source == seen.configs.end() || !is_followed(reference, source->second)) continue;
        const auto to = copy_of_config(reference);
        const auto kind = to_string(kind_of_config(reference));
        if (references.contains(to)) {
            return fmt::format(
                "spec.targetRef: its pods name {0} {1} and {0} {2}, which is the name of the "
                "primary's copy of the first",
                kind,
                name_of_config(reference),
                name_of_config(to));
        }
        const auto copy = seen.configs.find(to);
        if (copy == seen.configs.end()) continue;
        for (const auto& owner : array_at(copy->second, {"metadata", "ownerReferences"})) {
            // Canaries that use the same config share its copy.
            if (!bool_at(owner, {"controller"}).value_or(false)) continue;
            if (text_at(owner, {"kind"}) == "Canary") continue;
            return fmt::format("{} {} is controlled by {} {} and is not taken from it",
                               kind,
                               canary.dotted(name_of_config(to)),
                               text_at(owner, {"kind"}),
                               text_at(owner, {"name"}));
        }
    }
    return {};
}

bool configs_changed(const World& world) {
    const auto& noted = world.canary.status.tracked_configs;
    return noted ? *noted != world.tracked : !world.tracked.empty();
}

std::vector<std::string> changed_configs(const World& world) {
    std::vector<std::string> lines;
    const auto& noted = world.canary.status.tracked_configs;
    if (!noted) return lines;
    for (const auto& [reference, checksum] : world.tracked) {
        const auto before = noted->find(reference);
        if (before == noted->end() || before->second == checksum) continue;
        lines.push_back(
            fmt::format("{} {} has changed", type_of(reference), name_of_config(reference)));
    }
    return lines;
}

// --- copies -----------------------------------------------------------------------------------

std::set<std::string> copied_configs(const World& world) {
    std::set<std::string> originals;
    for (const auto& object : world.owned_configs) {
        const auto reference = reference_to(object);
        if (!reference.ends_with(suffix)) continue;
        originals.insert(reference.substr(0, reference.size() - suffix.size()));
    }
    return originals;
}

bool copies_hold(const World& world) {
    if (!world.settings.track_configs) return true;
    const std::string_view field = is_taken_over(world) ? "data" : "checksum";
    return std::ranges::all_of(world.tracked, [&](const auto& each) {
        const auto* original = find_config(world, each.first);
        const auto* copy = find_config(world, copy_of_config(each.first));
        return original != nullptr && copy != nullptr &&
               text_at(*original, {summary_key, field}) == text_at(*copy, {summary_key, field});
    });
}

std::map<std::string, std::string> copied_checksums(const World& world) {
    std::map<std::string, std::string> checksums;
    const auto used = references_of(world.primary->object);
    for (const auto& object : world.owned_configs) {
        const auto copy = reference_to(object);
        if (!copy.ends_with(suffix) || !used.contains(copy)) continue;
        checksums[copy.substr(0, copy.size() - suffix.size())] = checksum_in(object);
    }
    return checksums;
}

std::vector<Effect> copy_configs(const World& world, std::string_view failing) {
    std::vector<Effect> effects;
    if (!world.settings.track_configs) return effects;
    for (const auto& [reference, checksum] : world.tracked) {
        auto effect = copy_if_needed(world, reference, failing);
        if (effect) effects.push_back(*std::move(effect));
    }
    return effects;
}

std::vector<Effect> copy_missing_configs(const World& world) {
    std::vector<Effect> effects;
    if (!world.settings.track_configs) return effects;
    for (const auto& [reference, checksum] : world.tracked) {
        if (find_config(world, reference) == nullptr) continue;
        if (find_config(world, copy_of_config(reference)) != nullptr) continue;
        effects.push_back(*copy_if_needed(world, reference, {}));
    }
    return effects;
}

std::vector<Effect> put_configs_aside(const World& world) {
    std::vector<Effect> effects;
    if (!world.settings.track_configs) return effects;
    for (const auto& [reference, checksum] : world.tracked) {
        const auto copy = copy_of_config(reference);
        const auto* present = find_owned(world, copy);
        const auto kept = reference + aside_suffix(world);
        // One that stands is of an earlier attempt, and what it holds was promoted.
        if (present == nullptr || checksum_in(*present) == checksum ||
            find_owned(world, kept) != nullptr) {
            continue;
        }
        effects.emplace_back(copy_effect(world, {copy, kept, checksum_in(*present)}, {}));
    }
    return effects;
}

std::vector<Effect> bring_configs_back(const World& world) {
    std::vector<Effect> effects;
    const auto aside = aside_suffix(world);
    for (const auto& object : world.owned_configs) {
        const auto kept = reference_to(object);
        if (!kept.ends_with(aside)) continue;
        const auto copy = copy_of_config(kept.substr(0, kept.size() - aside.size()));
        const auto* present = find_owned(world, copy);
        if (present != nullptr && checksum_in(*present) == checksum_in(object)) continue;
        effects.emplace_back(copy_effect(world, {kept, copy, checksum_in(object)}, {}));
    }
    return effects;
}

std::vector<Effect> forget_configs(const World& world) {
    std::vector<Effect> effects;
    const auto used = references_of(world.primary->object);
    for (const auto& object : world.owned_configs) {
        const auto reference = reference_to(object);
        const auto& owners = array_at(object, {"metadata", "ownerReferences"});
        const bool is_shared = std::ranges::any_of(
            owners, [&](const Json& owner) { return text_at(owner, {"uid"}) != world.canary.uid; });
        if (is_shared || used.contains(reference)) continue;
        const auto name = name_of_config(reference);
        effects.push_back(Delete{
            kind_of_config(reference),
            name,
            std::string(text_at(object, {"metadata", "uid"})),
            {{},
             fmt::format(
                 "deleting {} {} failed: ", type_of(reference), world.canary.dotted(name))}});
    }
    return effects;
}

std::optional<Effect> roll_canary(const World& world) {
    if (world.target->replicas == 0 || !configs_changed(world)) return std::nullopt;
    std::string checksums;
    for (const auto& [reference, checksum] : world.tracked) {
        checksums += fmt::format("{}={}\n", reference, checksum);
    }
    Json patch = JsonObject{};
    put(patch,
        {"spec", "template", "metadata", "annotations", rolled_annotation},
        Json(shortened(checksums)));
    return Patch{kind_of(world),
                 world.target->name,
                 world.target->uid,
                 {},
                 std::move(patch),
                 {{},
                  fmt::format("{} {} patch query error: ",
                              word_of(kind_of(world)),
                              world.canary.dotted(world.target->name))}};
}

Json copied(const CopyConfig& copy, const Json& source, const Json* present) {
    Json made = present != nullptr
                    ? *present
                    : Json(JsonObject{
                          {"apiVersion", "v1"},
                          {"kind", to_string(copy.kind)},
                          {"metadata",
                           JsonObject{{"name", copy.to},
                                      {"namespace", text_at(source, {"metadata", "namespace"})}}}});
    for (const std::string_view field : {"data", "binaryData", "immutable", "type"}) {
        const auto* value = find(source, {field});
        if (value == nullptr) {
            drop(made, {field});
        } else {
            put(made, {field}, *value);
        }
    }
    JsonObject labels;
    for (const auto& [key, value] : object_at(made, {"metadata", "labels"})) {
        if (!is_included(key, copy.label_prefixes)) labels[key] = value;
    }
    for (const auto& [key, value] : object_at(source, {"metadata", "labels"})) {
        if (is_included(key, copy.label_prefixes)) labels[key] = value;
    }
    put_or_drop(made, {"metadata", "labels"}, std::move(labels));
    auto annotations = object_at(made, {"metadata", "annotations"});
    for (const auto& [key, value] : object_at(source, {"metadata", "annotations"})) {
        if (!is_own_annotation(key)) annotations[key] = value;
    }
    put_or_drop(made, {"metadata", "annotations"}, std::move(annotations));

    // Shared by several Canaries, it is the last one's who wrote it, and stays until all have gone.
    JsonArray owners{copy.owner};
    for (auto owner : array_at(made, {"metadata", "ownerReferences"})) {
        if (text_at(owner, {"uid"}) == text_at(copy.owner, {"uid"})) continue;
        drop(owner, {"controller"});
        owners.push_back(std::move(owner));
    }
    put(made, {"metadata", "ownerReferences"}, std::move(owners));
    return made;
}

bool has_to_be_replaced(const Json& present, const Json& wanted) {
    if (text_at(present, {"type"}) != text_at(wanted, {"type"})) return true;
    return bool_at(present, {"immutable"}).value_or(false) &&
           (config_checksum(present) != config_checksum(wanted) ||
            !bool_at(wanted, {"immutable"}).value_or(false));
}

}  // namespace sluice::canary
