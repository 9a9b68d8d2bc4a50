#include "delivery/canary/corrections.hpp"

#include "delivery/canary/steps.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::canary {
namespace {

template <typename... Fs>
struct Overloaded : Fs... {
    using Fs::operator()...;
};

std::string named(Kind kind, std::string_view name) {
    return fmt::format("{} {}", to_string(kind), name);
}

// At rest on a primary with pods only what comes with a route can differ: a timeout, a label. As
// soon as the canary has a share, a match decides who meets it.
bool are_at_rest(const World& world) {
    return world.routes.state == RoutesState::weights && world.routes.weights == Weights{} &&
           world.primary && world.primary->available > 0;
}

}  // namespace

std::string object_of(const Effect& effect) {
    return std::visit(Overloaded{
                          [](const Create& one) {
                              return named(one.kind, text_at(one.object, {"metadata", "name"}));
                          },
                          [](const Patch& one) { return named(one.kind, one.name); },
                          [](const ScaleTarget& one) { return named(one.kind, one.name); },
                          [](const Delete& one) { return named(one.kind, one.name); },
                          [](const EnsureRoutes&) { return std::string(routes_object); },
                          [](const Route&) { return std::string(routes_object); },
                          [](const CopyConfig& one) { return named(one.kind, one.to); },
                          [](const GiveBackApex& one) { return named(Kind::service, one.name); },
                          [](const GiveBackRoutes&) { return std::string(routes_object); },
                          [](const HoldFinalizer&) { return std::string("Canary"); },
                      },
                      effect);
}

bool may_wait(const World& world, const Effect& effect) {
    if (const auto* create = std::get_if<Create>(&effect)) return create->kind != Kind::service;
    if (const auto* patch = std::get_if<Patch>(&effect)) {
        return patch->kind != Kind::service || find(patch->patch, {"spec"}) == nullptr;
    }
    if (std::holds_alternative<EnsureRoutes>(effect)) return are_at_rest(world);
    return std::holds_alternative<ScaleTarget>(effect);
}

Event contest_event(const World& world, const Corrected& corrected, const Contender& contender) {
    auto text = fmt::format("{} of {} had to be put right {} times in a row",
                            corrected.object,
                            world.canary.dotted(),
                            contest_told_at);
    if (!contender.field.empty()) {
        text += fmt::format(": {} writes {}, too",
                            contender.manager.empty() ? "somebody" : contender.manager,
                            contender.field);
    }
    text += corrected.may_wait ? ". From now on it is done ever more rarely while that lasts"
                               : ". It is done each time, for users depend on it";
    // A later contest about the same object is another Event.
    auto key = fmt::format("contest/{}/{}", corrected.object, rfc3339(world.now));
    return {EventType::warning, std::move(text), std::move(key)};
}

void note_corrected(Act& act, const World& world) {
    const bool is_new = world.canary.status.phase == api::Phase::initializing;
    for (const auto& effect : act.effects) {
        if (is_new && std::holds_alternative<Create>(effect)) continue;
        act.corrects.push_back({object_of(effect), may_wait(world, effect)});
    }
}

std::optional<Move> put_right(const World& world, Act act) {
    std::erase_if(act.effects, [&](const Effect& effect) {
        return may_wait(world, effect) && world.spaced.contains(object_of(effect));
    });
    if (act.effects.empty()) return std::nullopt;
    note_corrected(act, world);
    return act;
}

}  // namespace sluice::canary
