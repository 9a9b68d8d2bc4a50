// Where things stand in YAML text: for messages that name a line.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kube {

// "spec.analysis.metrics[0].name" → 7. The document itself has the empty path.
using YamlPlaces = std::map<std::string, std::size_t, std::less<>>;

// One for each document that parse_yaml_documents gives of the text; none when it cannot be read.
std::vector<YamlPlaces> yaml_places(std::string_view text);

// The line of the path, or of what is nearest above it that stands there; 0 without one.
std::size_t line_of(const YamlPlaces& places, std::string_view path);

}  // namespace sluice::kube
