#include "web/manifest.hpp"

#include "base/core/address.hpp"
#include "base/core/text.hpp"
#include "kube/cache.hpp"
#include "kube/yaml.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace sluice::web {
namespace {

constexpr std::string_view hidden = "•••";
constexpr std::string_view primary_suffix = "-primary";
// Cells of the table that finds the longest common lines.
constexpr std::size_t cells_max = 4'000'000;

// "postgres://•••@db/x?•••": who it is, and what may be a token. Of each address in the text.
std::string masked_urls(std::string text) {
    for (auto scheme = text.find("://"); scheme != std::string::npos;
         scheme = text.find("://", scheme + 3)) {
        const auto begin = scheme + 3;
        const auto host_end = std::min(text.find_first_of("/?# '\"", begin), text.size());
        const auto user = text.substr(begin, host_end - begin).rfind('@');
        if (user != std::string::npos) text.replace(begin, user, hidden);
        const auto end = std::min(text.find_first_of(" '\"", begin), text.size());
        const auto query = text.find('?', begin);
        if (query < end) text.replace(query + 1, end - query - 1, hidden);
    }
    return text;
}

// What follows the word, up to a space or a quote.
std::string without_credentials(std::string text) {
    for (const std::string_view word : {"bearer ", "basic "}) {
        for (auto at = lower_case(text).find(word); at != std::string::npos;
             at = lower_case(text).find(word, at + word.size())) {
            const auto begin = at + word.size();
            const auto end = std::min(text.find_first_of(" '\"", begin), text.size());
            // A sentence may have the word too; what is shorter is no credential.
            if (end - begin >= 8) text.replace(begin, end - begin, hidden);
        }
    }
    return text;
}

// "--db-password=x" and "DB_PASSWORD=x": the name; empty for what is neither.
std::string_view assigned_name(std::string_view text) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return {};
    const auto name = text.substr(0, equals);
    return name.find_first_of(" '\"/") == std::string_view::npos ? name : std::string_view{};
}

void collect_texts(const Json& value, std::set<std::string, std::less<>>& texts) {
    if (value.is_string()) texts.emplace(value.get_string());
    if (value.is_array()) {
        for (const auto& one : value.get_array()) collect_texts(one, texts);
    }
    if (value.is_object()) {
        for (const auto& field : value.get_object()) collect_texts(field.value(), texts);
    }
}

// "podinfo-primary" is "podinfo" to who compares, if the other one says so.
void name_as_target(Json& value, const std::set<std::string, std::less<>>& texts) {
    if (value.is_string()) {
        const std::string_view text = value.get_string();
        if (text.ends_with(primary_suffix) && !texts.contains(text)) {
            const auto stem = text.substr(0, text.size() - primary_suffix.size());
            if (texts.contains(stem)) value = std::string(stem);
        }
    }
    if (value.is_array()) {
        for (auto& one : value.get_array()) name_as_target(one, texts);
    }
    if (value.is_object()) {
        for (auto& field : value.get_object()) name_as_target(field.value(), texts);
    }
}

Json template_in(const Json& workload) {
    const auto* found = find(workload, {"spec", "template"});
    auto made = found == nullptr ? Json(JsonObject{}) : *found;
    for (const auto* group : {"annotations", "labels"}) {
        auto* values = find(made, {"metadata", group});
        if (values == nullptr || !values->is_object()) continue;
        // With it the controller starts the primary's pods anew; it says nothing of a revision.
        values->get_object().erase("flagger-id");
    }
    if (auto* metadata = find(made, {"metadata"}); metadata != nullptr && metadata->is_object()) {
        metadata->get_object().erase("creationTimestamp");
        for (const auto* group : {"annotations", "labels"}) {
            if (object_at(*metadata, {group}).empty()) metadata->get_object().erase(group);
        }
    }
    return made;
}

// Keys in the order of their names: the API server keeps that of whoever wrote the object.
Json sorted(const Json& value) {
    if (value.is_array()) {
        JsonArray all;
        for (const auto& one : value.get_array()) all.push_back(sorted(one));
        return all;
    }
    if (!value.is_object()) return value;
    std::map<std::string, const Json*> fields;
    for (const auto& field : value.get_object()) fields.emplace(field.key(), &field.value());
    JsonObject all;
    for (const auto& [name, field] : fields) all[name] = sorted(*field);
    return all;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    auto lines = split(text, '\n');
    if (!lines.empty() && lines.back().empty()) lines.pop_back();
    return lines;
}

}  // namespace

bool is_secret_name(std::string_view name) {
    auto bare = lower_case(name);
    std::erase_if(bare, [](char c) { return c == '-' || c == '_' || c == '.'; });
    static const std::array<std::string_view, 12> words{"password",
                                                        "passwd",
                                                        "passphrase",
                                                        "secret",
                                                        "token",
                                                        "apikey",
                                                        "accesskey",
                                                        "privatekey",
                                                        "signingkey",
                                                        "encryptionkey",
                                                        "credential",
                                                        "authorization"};
    // The name of a Secret is none.
    for (const auto* reference : {"secretname", "secretref", "credentialname", "credentialnames"}) {
        if (bare.ends_with(reference)) return false;
    }
    return bare.ends_with("pwd") || std::ranges::any_of(words, [&](std::string_view word) {
               return bare.find(word) != std::string::npos;
           });
}

std::string Masker::instead_of(std::string_view name, std::string_view value) {
    if (value.empty()) return {};
    auto& values = seen_[lower_case(name)];
    const auto [known, is_new] = values.try_emplace(std::string(value), values.size() + 1);
    return known->second == 1 ? std::string(hidden) : fmt::format("{} ({})", hidden, known->second);
}

void Masker::mask(Json& value) {
    if (value.is_object()) mask_object(value.get_object());
    if (value.is_array()) mask_list(value.get_array());
    if (value.is_string()) {
        std::string text(value.get_string());
        value = without_credentials(masked_urls(std::move(text)));
    }
}

void Masker::mask_object(JsonObject& object) {
    // An environment variable, or a header: its name says what its value is.
    const auto* name = object.if_contains("name");
    auto* said = object.if_contains("value");
    if (name != nullptr && name->is_string() && said != nullptr && said->is_string() &&
        is_secret_name(name->get_string())) {
        *said = instead_of(name->get_string(), said->get_string());
    }
    for (auto& field : object) {
        auto& value = field.value();
        if (value.is_string() && is_secret_name(field.key())) {
            value = instead_of(field.key(), value.get_string());
            continue;
        }
        if (value.is_object() && is_secret_name(field.key())) {
            mask_match(field.key(), value.get_object());
        }
        mask(value);
    }
}

// Which value of a header a route wants: `authorization: {exact: …}`.
void Masker::mask_match(std::string_view name, JsonObject& match) {
    for (const auto* how : {"exact", "prefix", "regex"}) {
        auto* text = match.if_contains(how);
        if (text != nullptr && text->is_string()) *text = instead_of(name, text->get_string());
    }
}

void Masker::mask_list(JsonArray& list) {
    std::string flag;  // the one before, which takes its value from the next
    for (auto& one : list) {
        if (!one.is_string()) {
            mask(one);
            flag.clear();
            continue;
        }
        const std::string text(one.get_string());
        const auto name = assigned_name(text);
        if (!flag.empty() && !text.starts_with('-')) {
            one = instead_of(flag, text);
            flag.clear();
        } else if (!name.empty() && is_secret_name(name)) {
            one = fmt::format(
                "{}={}", name, instead_of(name, std::string_view(text).substr(name.size() + 1)));
        } else {
            mask(one);
            flag = text.starts_with('-') && name.empty() && is_secret_name(text) ? text : "";
        }
    }
}

std::string manifest_of(const Json& object) {
    auto left = object;
    kube::without_bookkeeping(left);
    Masker().mask(left);
    JsonObject all;
    for (const auto* name : {"apiVersion", "kind", "metadata", "spec", "status"}) {
        if (const auto* field = find(left, {name})) all[name] = *field;
    }
    return kube::to_yaml(all);
}

Templates templates_of(const Json& primary, const Json& target) {
    auto before = template_in(primary);
    auto after = template_in(target);
    std::set<std::string, std::less<>> texts;
    collect_texts(after, texts);
    name_as_target(before, texts);
    Masker masker;
    masker.mask(before);
    masker.mask(after);
    return {kube::to_yaml(sorted(before)), kube::to_yaml(sorted(after))};
}

std::vector<DiffLine> diff_of(std::string_view before, std::string_view after) {
    using Op = DiffLine::Op;
    const auto old = lines_of(before);
    const auto fresh = lines_of(after);
    std::vector<DiffLine> all;
    const auto say = [&](Op op, std::string_view text) { all.push_back({op, std::string(text)}); };
    if (old.size() * fresh.size() > cells_max) {
        for (const auto line : old) say(Op::removed, line);
        for (const auto line : fresh) say(Op::added, line);
        return all;
    }
    // How many lines the two have in common from here to their ends.
    const auto width = fresh.size() + 1;
    std::vector<std::uint32_t> common((old.size() + 1) * width, 0);
    for (auto i = old.size(); i-- > 0;) {
        for (auto j = fresh.size(); j-- > 0;) {
            common[i * width + j] = old[i] == fresh[j] ? common[(i + 1) * width + j + 1] + 1
                                                       : std::max(common[(i + 1) * width + j],
                                                                  common[i * width + j + 1]);
        }
    }
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < old.size() || j < fresh.size()) {
        if (i < old.size() && j < fresh.size() && old[i] == fresh[j]) {
            say(Op::same, old[i]);
            ++i;
            ++j;
        } else if (j == fresh.size() ||
                   (i < old.size() && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
            say(Op::removed, old[i++]);
        } else {
            say(Op::added, fresh[j++]);
        }
    }
    return all;
}

}  // namespace sluice::web
