// yaml_to_json IN OUT: the documents of a YAML file as one JSON array. Run while building, so that
// what travels inside the binary needs no YAML read at its start, which is ten times slower.
#include "kube/yaml.hpp"

#include <boost/json.hpp>

#include <cstdio>
#include <fstream>
#include <sstream>

int main(int count, char** arguments) {
    if (count != 3) return 2;
    std::stringstream text;
    text << std::ifstream(arguments[1]).rdbuf();
    const auto documents = sluice::kube::parse_yaml_documents(text.str());
    if (!documents) {
        std::fprintf(stderr, "%s: %s\n", arguments[1], documents.error().message.c_str());
        return 1;
    }
    sluice::JsonArray all(documents->begin(), documents->end());
    std::ofstream out(arguments[2]);
    out << sluice::to_text(all);
    return out.flush() ? 0 : 1;
}
