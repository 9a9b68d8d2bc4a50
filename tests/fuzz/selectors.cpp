// Label and field selectors, as texts and as objects.
#include "lab/apiserver/selectors.hpp"

#include "fuzz/fuzz.hpp"
#include "lab/apiserver/kinds.hpp"

namespace sluice::fuzz {

void try_input(std::string_view input) {
    static const Json pod = boost::json::parse(
        R"({"metadata": {"name": "web", "labels": {"app": "web", "tier": "a"}},
            "status": {"phase": "Running"}})");
    static const lab::KindTable kinds;

    if (const auto selector = lab::parse_label_selector(input)) {
        const auto again = lab::parse_label_selector(to_string(*selector));
        must(again.has_value(), "what is printed can be read");
        must(again->requirements == selector->requirements, "printed and read again");
        must(again->selects(pod) == selector->selects(pod), "the same is selected");
    }
    if (const auto selector =
            lab::parse_field_selector(input, *kinds.find(kube::resources::pods))) {
        static_cast<void>(selector->selects(pod));
    }
    if (const auto object = parse_json(input)) {
        if (const auto selector = lab::label_selector_of(*object)) {
            static_cast<void>(selector->selects(pod));
            static_cast<void>(to_string(*selector));
        }
        if (object->is_object()) {
            static_cast<void>(lab::label_selector_of_map(object->get_object()).selects(pod));
        }
    }
}

}  // namespace sluice::fuzz
