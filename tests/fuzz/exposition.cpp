// The mesh's metrics page, with names and labels that others chose: each line keeps Prometheus'
// grammar.
#include "base/core/text.hpp"
#include "fuzz/fuzz.hpp"
#include "lab/mesh/istio_metrics.hpp"

namespace sluice::fuzz {
namespace {

bool is_name_char(char c) {
    return c == '_' || c == ':' || is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// name{label="text",…} value
bool is_sample(std::string_view line) {
    std::size_t at = 0;
    while (at < line.size() && is_name_char(line[at])) ++at;
    if (at == 0) return false;
    if (at < line.size() && line[at] == '{') {
        for (++at; at < line.size() && line[at] != '}';) {
            const auto begin = at;
            while (at < line.size() && is_name_char(line[at])) ++at;
            if (at == begin || !line.substr(at).starts_with("=\"")) return false;
            for (at += 2; at < line.size() && line[at] != '"'; ++at) {
                if (line[at] == '\\') ++at;
            }
            if (at++ >= line.size()) return false;
            if (at < line.size() && line[at] == ',') ++at;
        }
        if (at++ >= line.size()) return false;
    }
    return at < line.size() && line[at] == ' ' && parse_number(line.substr(at + 1)).has_value();
}

}  // namespace

void try_input(std::string_view input) {
    const auto [name, rest] = first_line_of(input);
    const auto [version, host] = first_line_of(rest);
    const auto caller = std::make_shared<const mesh::Workload>(
        mesh::workload_named(std::string(name), "test", {{"app", std::string(version)}}));
    const auto callee = std::make_shared<const mesh::Workload>(mesh::workload_named(
        "podinfo", std::string(name), {{"app", "podinfo"}, {"version", std::string(version)}}));
    mesh::IstioMetrics metrics({.version = "0"});
    metrics.add({.source = caller,
                 .destination = callee,
                 .service = {.host = host, .name = name, .ns = "test"},
                 .code = 200,
                 .milliseconds = 12});
    const auto page = metrics.exposition(mesh::IstioMetrics::Reading::look);
    must(is_utf8(page) || !is_utf8(input), "names in UTF-8 give a page in UTF-8");
    for (const auto line : split(page, '\n')) {
        must(line.empty() || line.front() == '#' || is_sample(line), "each line is a sample");
    }
}

}  // namespace sluice::fuzz
