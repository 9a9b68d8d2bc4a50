// The paths of printer columns. Input: the path, and below it the object.
#include "lab/apiserver/json_path.hpp"

#include "fuzz/fuzz.hpp"

namespace sluice::fuzz {

void try_input(std::string_view input) {
    const auto [path, below] = first_line_of(input);
    const auto query = lab::JsonPathQuery::parse(path);
    if (!query) return;
    static const Json known = boost::json::parse(
        R"({"a": [{"b": 1, "type": "Ready"}, {"b": "x"}], "spec": {"n": -3.5, "x/y": true}})");
    const auto object = parse_json(below);
    const Json& root = object ? *object : known;
    const auto all = query->all(root);
    must(query->first(root) == (all.empty() ? nullptr : all.front()), "the first is the first");
}

}  // namespace sluice::fuzz
