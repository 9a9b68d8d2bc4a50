// What is not known is null in the page's answers: never 0, never "".
#pragma once

#include "base/core/json.hpp"

#include <optional>
#include <string_view>

namespace sluice::web {

template <class Value>
Json optional_json(const std::optional<Value>& value) {
    return value ? Json(*value) : Json(nullptr);
}

inline Json text_json(std::string_view text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

}  // namespace sluice::web
