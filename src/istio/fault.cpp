#include "istio/fault.hpp"

#include <fmt/format.h>

namespace sluice::istio {

Faults::Within::Within(Faults& faults, std::string_view field)
    : faults_(faults), length_before_(faults.field_.size()) {
    faults.field_.append(".").append(field);
}

Faults::Within Faults::within(std::string_view list, std::size_t index) {
    return {*this, fmt::format("{}[{}]", list, index)};
}

void Faults::add(std::string_view field, std::string text) {
    const auto here = within(field);
    add(std::move(text));
}

}  // namespace sluice::istio
