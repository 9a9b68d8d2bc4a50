// Collects what is found about one object, each with the way out that its rule has.
#pragma once

#include "kube/resource.hpp"
#include "release/lint.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::release {

class Findings {
   public:
    explicit Findings(const Json& object)
        : object_(fmt::format(
              "{} {}", text_at(object, {"kind"}, "Canary"), to_string(kube::key_of(object)))) {}

    // Whoever knows the way out better says it at what is returned, which stands until the next.
    Finding& error(std::string field, std::string text, std::string code = {}) {
        return add(Level::error, std::move(field), std::move(text), std::move(code));
    }
    Finding& warn(std::string field, std::string text, std::string code = {}) {
        return add(Level::warning, std::move(field), std::move(text), std::move(code));
    }
    Finding& inform(std::string field, std::string text, std::string code = {}) {
        return add(Level::info, std::move(field), std::move(text), std::move(code));
    }
    Finding& add(Level level, std::string field, std::string text, std::string code);
    std::vector<Finding> take() { return std::move(all_); }

   private:
    std::string object_;
    std::vector<Finding> all_;
};

}  // namespace sluice::release
