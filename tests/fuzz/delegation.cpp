// A root VirtualService and its delegate, put together from the input's bytes, and a request: what
// the merged route lets through both of them let through.
#include "lab/mesh/delegation.hpp"

#include "fuzz/fuzz.hpp"
#include "lab/mesh/route.hpp"

#include <array>

namespace sluice::fuzz {
namespace {

constexpr std::array<std::string_view, 8> paths{
    "/a", "/a/b", "/A", "/", "/a/bc", "/b", "/A/b", "/ab"};
constexpr std::array<std::string_view, 4> words{"", "a", "ab", "b"};

// Each byte is one choice; after the last all choices are the first.
class Choices {
   public:
    explicit Choices(std::string_view bytes) : bytes_(bytes) {}
    std::size_t below(std::size_t count) {
        if (bytes_.empty()) return 0;
        const auto byte = static_cast<unsigned char>(bytes_.front());
        bytes_.remove_prefix(1);
        return byte % count;
    }
    bool often() { return below(3) > 0; }
    bool seldom() { return below(4) == 3; }
    std::string_view of(const auto& list) { return list[below(list.size())]; }

   private:
    std::string_view bytes_;
};

Json text_match(Choices& choices, const auto& texts) {
    constexpr std::array<std::string_view, 4> kinds{"prefix", "exact", "regex", ""};
    const auto kind = choices.of(kinds);
    const auto text = choices.of(texts);
    if (kind.empty()) return JsonObject{};
    return JsonObject{{kind, kind == "regex" ? std::string(text) + ".*" : std::string(text)}};
}

Json match_of(Choices& choices) {
    JsonObject match;
    if (choices.often()) match["uri"] = text_match(choices, paths);
    if (choices.seldom()) match["ignoreUriCase"] = choices.below(2) == 0;
    if (choices.seldom()) match["method"] = text_match(choices, words);
    if (choices.seldom()) match["port"] = choices.below(2) == 0 ? 80 : 81;
    for (const std::string_view field : {"headers", "withoutHeaders", "queryParams"}) {
        if (!choices.seldom()) continue;
        JsonObject named;
        for (const auto name : {"x", "y"}) {
            if (choices.often()) named[name] = text_match(choices, words);
        }
        match[field] = std::move(named);
    }
    return match;
}

// A VirtualService with one route of up to two matches.
Json object_of(Choices& choices, std::string_view name, std::string_view field, Json value) {
    JsonArray matches;
    for (std::size_t count = choices.below(3); count > 0; --count) {
        matches.push_back(match_of(choices));
    }
    JsonObject route{{field, std::move(value)}};
    if (!matches.empty()) route["match"] = std::move(matches);
    JsonObject spec{{"http", JsonArray{std::move(route)}}};
    if (name == "root") spec["hosts"] = JsonArray{"podinfo"};
    return JsonObject{{"metadata", JsonObject{{"name", name}, {"namespace", "test"}}},
                      {"spec", std::move(spec)}};
}

bool lets_through(const mesh::VirtualServicePtr& compiled,
                  const mesh::RequestHead& head,
                  const mesh::Caller& caller) {
    return std::ranges::any_of(compiled->routes, [&](const mesh::RoutePtr& route) {
        return route->holding(head, caller) != nullptr;
    });
}

struct Compiled {
    mesh::VirtualServicePtr merged, root, own;
};

void ask(Choices& choices, const Compiled& all) {
    net::Headers headers;
    for (const auto* name : {"x", "y"}) {
        if (choices.often()) headers.add(name, std::string(choices.of(words)));
    }
    const auto method = choices.of(words);
    const auto path = choices.of(paths);
    const auto query = choices.below(2) == 0 ? "" : fmt::format("x={}", choices.of(words));
    const mesh::RequestHead head{
        .method = method, .path = path, .query = query, .headers = &headers};
    const auto workload = mesh::workload_named("web", "test", {});
    const mesh::Caller caller{.workload = &workload,
                              .port = static_cast<std::uint16_t>(choices.below(2) == 0 ? 80 : 81)};
    if (!lets_through(all.merged, head, caller)) return;
    must(lets_through(all.root, head, caller), "what the root does not let through stays out");
    must(lets_through(all.own, head, caller), "what the delegate does not let through stays out");
}

}  // namespace

void try_input(std::string_view input) {
    Choices choices(input);
    const auto root = object_of(choices, "root", "delegate", JsonObject{{"name", "own"}});
    const auto own =
        object_of(choices,
                  "own",
                  "route",
                  JsonArray{JsonObject{{"destination", JsonObject{{"host", "podinfo"}}}}});
    const auto find_own = [&](const kube::ObjectKey& key) -> const Json* {
        return key == kube::ObjectKey{"test", "own"} ? &own : nullptr;
    };
    must(mesh::is_delegate(own) && !mesh::is_delegate(root), "who has hosts is no delegate");
    const auto merged = mesh::with_delegates(root, find_own);
    must(array_at(merged, {"spec", "http"}).size() <= 1, "one of each makes one at most");
    must(mesh::delegates_of(merged).empty(), "what was handed on is handed on no more");
    must(mesh::with_delegates(merged, find_own) == merged, "a merged one stays as it is");
    const Compiled all{mesh::compile_virtual_service(merged),
                       mesh::compile_virtual_service(root),
                       mesh::compile_virtual_service(own)};
    for (int asked = 0; asked < 8; ++asked) ask(choices, all);
}

}  // namespace sluice::fuzz
