#include "loadtester/task.hpp"

#include "base/core/json.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::loadtester {

std::string Payload::meta(const std::string& key) const {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string{} : found->second;
}

bool Payload::flag(const std::string& key) const {
    const auto value = meta(key);
    for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (value == yes) return true;
    }
    return false;
}

Result<Payload> parse_payload(std::string_view body) {
    const auto parsed = parse_json(body, {.depth = 8, .bytes = std::size_t{256} * 1024});
    if (!parsed) return parsed.error();
    if (!parsed->is_object()) return Error{ErrorKind::invalid, "the body is no object"};
    Payload payload;
    payload.name = text_at(*parsed, {"name"});
    payload.ns = text_at(*parsed, {"namespace"});
    payload.phase = text_at(*parsed, {"phase"});
    payload.type = text_at(*parsed, {"type"});
    for (const auto& [key, value] : object_at(*parsed, {"metadata"})) {
        if (!value.is_string()) {
            return Error{ErrorKind::invalid,
                         fmt::format("metadata {} is not text", std::string(key))};
        }
        payload.metadata[key] = std::string(value.get_string());
    }
    return payload;
}

Result<std::vector<std::string>> split_command(std::string_view line) {
    std::vector<std::string> words;
    std::string word;
    bool begun = false;
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != 0) {
            const bool escapes = quote == '"' && c == '\\' && i + 1 < line.size();
            if (c == quote) {
                quote = 0;
            } else if (escapes && (line[i + 1] == '"' || line[i + 1] == '\\')) {
                word += line[++i];
            } else if (quote == '"' && (c == '$' || c == '`')) {
                return Error{ErrorKind::invalid, fmt::format("'{}' needs a shell", c)};
            } else {
                word += c;
            }
        } else if (c == '\'' || c == '"') {
            quote = c;
            begun = true;
        } else if (c == '\\' && i + 1 < line.size()) {
            // A line that goes on in the next one.
            if (line[i + 1] != '\n') {
                word += line[i + 1];
                begun = true;
            }
            ++i;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            if (begun) words.push_back(std::move(word));
            word.clear();
            begun = false;
        } else if (std::string_view("|&;<>()$`*").find(c) != std::string_view::npos) {
            // Of an address a query's '&' is meant for a shell's job control by the shell alone.
            return Error{ErrorKind::invalid, fmt::format("'{}' needs a shell", c)};
        } else {
            word += c;
            begun = true;
        }
    }
    if (quote != 0) return Error{ErrorKind::invalid, "a quote is not closed"};
    if (begun) words.push_back(std::move(word));
    return words;
}

}  // namespace sluice::loadtester
