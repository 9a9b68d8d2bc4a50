#include "release/findings.hpp"

#include "release/rules.hpp"

namespace sluice::release {

Finding& Findings::add(Level level, std::string field, std::string text, std::string code) {
    const auto* rule = rule_of(code);
    all_.push_back({.level = level,
                    .code = std::move(code),
                    .object = object_,
                    .field = std::move(field),
                    .text = std::move(text),
                    .suggestion = std::string(rule != nullptr ? rule->way_out : ""),
                    .file = {}});
    return all_.back();
}

}  // namespace sluice::release
