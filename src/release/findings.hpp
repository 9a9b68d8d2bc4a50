// Collects what is found about one object.
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

    void error(std::string field, std::string text, std::string code = {}) {
        add(Level::error, std::move(field), std::move(text), std::move(code));
    }
    void warn(std::string field, std::string text, std::string code = {}) {
        add(Level::warning, std::move(field), std::move(text), std::move(code));
    }
    void inform(std::string field, std::string text, std::string code = {}) {
        add(Level::info, std::move(field), std::move(text), std::move(code));
    }
    void add(Level level, std::string field, std::string text, std::string code) {
        all_.push_back({.level = level,
                        .code = std::move(code),
                        .object = object_,
                        .field = std::move(field),
                        .text = std::move(text),
                        .file = {}});
    }
    std::vector<Finding> take() { return std::move(all_); }

   private:
    std::string object_;
    std::vector<Finding> all_;
};

}  // namespace sluice::release
