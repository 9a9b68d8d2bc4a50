// What a query template says, before anybody carries it out: Go's text/template as far as it means
// anything to a query (routing-metrics-hooks.md 2.4). template.cpp carries it out.
#pragma once

#include "base/core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::metrics::syntax {

struct Pipeline;

struct Dot {};
struct Nil {};
// A whole number or one with a point, as it is written.
using Number = std::variant<std::int64_t, double>;
struct Text {
    std::string value;
};
struct Function {
    std::string name;
};
struct Variable {
    std::string name;  // with its $
};
struct Group {
    std::vector<Pipeline> pipeline;  // exactly one, in parentheses
};

// One word of a command, with the fields that are asked of it: `variables.direction`.
struct Word {
    std::size_t at = 0;
    std::string source;  // as messages quote it
    std::variant<Dot, Nil, bool, Number, Text, Function, Variable, Group> what;
    std::vector<std::string> fields = {};
    std::size_t fields_at = 0;
};

struct Command {
    std::size_t at = 0;
    std::vector<Word> words;
};

struct Pipeline {
    std::size_t at = 0;
    std::vector<std::string> variables = {};  // that get the value
    bool declares = true;                     // `:=` and not `=`
    std::vector<Command> commands = {};
};

enum class Kind { text, action, branch, with, range, use, leave, next };

struct Statement {
    Kind kind = Kind::text;
    std::size_t at = 0;
    std::string text = {};  // of text; of use the template's name
    Pipeline pipeline = {};
    std::vector<Statement> body = {};
    std::vector<Statement> otherwise = {};
};

struct Template {
    std::vector<Statement> body;
    std::map<std::string, std::vector<Statement>, std::less<>> named;
};

// `invalid` with Go's text: "template: query:1: function \"x\" not defined".
Result<Template> parse(std::string_view text);

// As messages quote them.
std::string to_string(const Word& word);
std::string to_string(const Command& command);
std::string to_string(const Pipeline& pipeline);

// "2:7": the line from one, the byte in it from zero.
std::string place(std::string_view text, std::size_t at);
std::size_t line_of(std::string_view text, std::size_t at);

}  // namespace sluice::metrics::syntax
