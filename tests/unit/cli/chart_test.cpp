// The Helm chart beside the binary; what a real Helm makes of it is tests/e2e/helm.sh's.
#include "base/core/json.hpp"
#include "kube/yaml.hpp"
#include "routing/table.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>

using namespace sluice;

namespace {

std::string file_of_chart(const std::string& name) {
    std::ifstream file(std::string(SLUICE_SOURCE_DIR) + "/deploy/chart/sluice/" + name);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

Json yaml_of_chart(const std::string& name) {
    const auto documents = kube::parse_yaml_documents(file_of_chart(name));
    REQUIRE(documents);
    return documents->at(0);
}

Json schema() {
    const auto read = parse_json(file_of_chart("values.schema.json"));
    REQUIRE(read);
    return *read;
}

}  // namespace

TEST_CASE("the chart is of the binary's version") {
    const auto chart = yaml_of_chart("Chart.yaml");
    CHECK(text_at(chart, {"version"}) == SLUICE_VERSION);
    CHECK(text_at(chart, {"appVersion"}) == SLUICE_VERSION);
}

TEST_CASE("the chart takes the mesh providers that the controller routes, and no others") {
    std::vector<std::string> taken;
    for (const auto& name : array_at(schema(), {"properties", "meshProvider", "enum"})) {
        if (name.is_string() && !name.get_string().empty()) taken.emplace_back(name.get_string());
    }
    std::ranges::sort(taken);
    CHECK(taken == routing::Table().known());
}

TEST_CASE("each value of the chart stands in its schema, which knows no others") {
    const std::function<void(const Json&, const Json&, const std::string&)> compare =
        [&](const Json& values, const Json& node, const std::string& path) {
            const auto* known = find(node, {"properties"});
            if (known == nullptr || !values.is_object()) return;
            CHECK_MESSAGE(bool_at(node, {"additionalProperties"}) == false, path);
            for (const auto& [name, value] : values.get_object()) {
                const auto* below = find(*known, {name});
                CHECK_MESSAGE(below != nullptr, path << std::string(name));
                if (below != nullptr) compare(value, *below, path + std::string(name) + ".");
            }
        };
    compare(yaml_of_chart("values.yaml"), schema(), "");
}
