#include "metrics/template.hpp"

#include "base/core/excerpt.hpp"
#include "metrics/template_syntax.hpp"
#include "metrics/template_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

namespace sluice::metrics {
namespace {

using namespace syntax;

// A query of this length, or one that works so long, is a mistake or an attack. What a template
// does costs one for each node, and one for each 16 bytes that it makes or copies.
constexpr std::size_t template_max = std::size_t{64} * 1024;
constexpr std::size_t work_max = 200'000;
constexpr int uses_max = 32;
constexpr int depth_max = 300;
constexpr std::size_t message_max = 1024;

enum class Flow { on, leave, next };

Value of_model(std::string_view name, const QueryModel& model) {
    if (name == "name") return model.name;
    if (name == "namespace") return model.ns;
    if (name == "target") return model.target;
    if (name == "service") return model.service;
    if (name == "ingress") return model.ingress;
    if (name == "route") return model.route;
    if (name == "interval") return model.interval;
    return &model.variables;
}

class Execution {
   public:
    Execution(std::string_view text, const Template& made, const QueryModel& model)
        : text_(text), made_(made), model_(model) {}

    Result<std::string> run() {
        const auto done = walk_all(made_.body, {});
        if (!done) return done.error();
        return std::move(out_);
    }

   private:
    struct Bound {
        std::string name;
        Value value;
    };

    Error failed(std::size_t at, std::string_view what, std::string_view why) const {
        return {ErrorKind::invalid,
                fmt::format("template: query:{}: executing {} at <{}>: {}",
                            place(text_, at),
                            quoted(template_),
                            what,
                            why)};
    }
    Error failed(const Word& word, std::string_view why) const {
        return failed(word.at, to_string(word), why);
    }

    // Nothing while there is budget left.
    std::optional<Error> spend(std::size_t at, std::size_t bytes = 0) {
        spent_ += 1 + bytes / 16;
        if (spent_ <= work_max) return std::nullopt;
        return Error{ErrorKind::too_large,
                     fmt::format("template: query:{}: takes too long", place(text_, at))};
    }
    std::optional<Error> write(std::size_t at, std::string_view text) {
        if (auto over = spend(at, text.size())) return over;
        out_ += text;
        if (out_.size() <= text_max) return std::nullopt;
        return Error{ErrorKind::too_large,
                     fmt::format("template: query:{}: the query is longer than {} bytes",
                                 place(text_, at),
                                 text_max)};
    }

    Error too_deep(std::size_t at) const {
        return {ErrorKind::too_large,
                fmt::format("template: query:{}: exceeded maximum template depth ({})",
                            place(text_, at),
                            uses_max)};
    }

    // --- statements ---------------------------------------------------------------------------

    Result<Flow> walk_all(const std::vector<Statement>& list, const Value& dot) {
        for (const auto& statement : list) {
            const auto flow = walk(statement, dot);
            if (!flow || *flow != Flow::on) return flow;
        }
        return Flow::on;
    }

    // Counts how deep the templates that use each other stand in each other.
    struct Level {
        explicit Level(int& depth) : depth_(depth) { ++depth_; }
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;
        ~Level() { --depth_; }

       private:
        int& depth_;
    };

    Result<Flow> walk(const Statement& statement, const Value& dot) {
        const Level level(depth_);
        if (auto over = spend(statement.at)) return std::move(*over);
        if (depth_ > depth_max) return too_deep(statement.at);
        switch (statement.kind) {
            case Kind::text:
                if (auto over = write(statement.at, statement.text)) return std::move(*over);
                return Flow::on;
            case Kind::action:
                return show(statement, dot);
            case Kind::branch:
            case Kind::with:
                return choose(statement, dot);
            case Kind::range:
                return repeat(statement, dot);
            case Kind::use:
                return use(statement, dot);
            case Kind::leave:
                return Flow::leave;
            case Kind::next:
                return Flow::next;
        }
        SLUICE_ASSERT(false);
    }

    Result<Flow> show(const Statement& statement, const Value& dot) {
        const auto value = evaluate(statement.pipeline, dot, {});
        if (!value) return value.error();
        if (!statement.pipeline.variables.empty()) return Flow::on;
        if (auto over = write(statement.at, shown(*value))) return std::move(*over);
        return Flow::on;
    }

    Result<Flow> choose(const Statement& statement, const Value& dot) {
        const auto known = bound_.size();
        const auto value = evaluate(statement.pipeline, dot, {});
        if (!value) return value.error();
        const bool holds = is_true(*value);
        const bool moves = holds && statement.kind == Kind::with;
        const auto flow =
            walk_all(holds ? statement.body : statement.otherwise, moves ? *value : dot);
        bound_.resize(known);
        return flow;
    }

    Result<Flow> repeat(const Statement& statement, const Value& dot) {
        const auto known = bound_.size();
        auto flow = repeat_over(statement, dot);
        bound_.resize(known);
        return flow;
    }

    Result<Flow> repeat_over(const Statement& statement, const Value& dot) {
        const auto& variables = statement.pipeline.variables;
        const auto value = evaluate(statement.pipeline, dot, {.binds = false});
        if (!value) return value.error();
        std::size_t rounds = 0;
        const auto round = [&](const Value& key, const Value& item) -> Result<Flow> {
            ++rounds;
            const auto before = bound_.size();
            if (variables.size() == 1) bind(statement.pipeline, 0, item);
            if (variables.size() == 2) {
                bind(statement.pipeline, 0, key);
                bind(statement.pipeline, 1, item);
            }
            const auto flow = walk_all(statement.body, item);
            bound_.resize(before);
            return flow;
        };
        if (const auto* entries = std::get_if<const Entries*>(&*value)) {
            for (const auto& [key, item] : **entries) {
                const auto flow = round(key, item);
                if (!flow) return flow;
                if (*flow == Flow::leave) break;
            }
        } else if (const auto* count = std::get_if<std::int64_t>(&*value)) {
            for (std::int64_t i = 0; i < *count; ++i) {
                if (auto over = spend(statement.at)) return std::move(*over);
                const auto flow = round(i, i);
                if (!flow) return flow;
                if (*flow == Flow::leave) break;
            }
        } else if (!std::holds_alternative<std::monostate>(*value)) {
            return failed(statement.pipeline.at,
                          to_string(statement.pipeline),
                          fmt::format("range can't iterate over {}", shown(*value)));
        }
        return rounds > 0 ? Result<Flow>(Flow::on) : walk_all(statement.otherwise, dot);
    }

    Result<Flow> use(const Statement& statement, const Value& dot) {
        const auto found = made_.named.find(statement.text);
        if (found == made_.named.end()) {
            return failed(statement.at,
                          fmt::format("{{{{template {}}}}}", quoted(statement.text)),
                          fmt::format("template {} not defined", quoted(statement.text)));
        }
        Value inner;
        if (!statement.pipeline.commands.empty()) {
            const auto value = evaluate(statement.pipeline, dot, {});
            if (!value) return value.error();
            inner = *value;
        }
        if (uses_ == uses_max) return too_deep(statement.at);
        ++uses_;
        auto outer = std::exchange(bound_, {{"$", inner}});
        auto name = std::exchange(template_, statement.text);
        auto flow = walk_all(found->second, inner);
        if (flow) template_ = std::move(name);
        bound_ = std::move(outer);
        --uses_;
        if (!flow) return flow;
        return Flow::on;
    }

    // --- values -------------------------------------------------------------------------------

    void bind(const Pipeline& pipeline, std::size_t which, const Value& value) {
        const auto& name = pipeline.variables[which];
        if (pipeline.declares) {
            bound_.push_back({name, value});
            return;
        }
        const auto found = std::ranges::find(bound_.rbegin(), bound_.rend(), name, &Bound::name);
        if (found != bound_.rend()) found->value = value;
    }

    struct How {
        bool binds = true;  // its variables get the value
    };
    Result<Value> evaluate(const Pipeline& pipeline, const Value& dot, How how) {
        Value value;
        for (std::size_t i = 0; i < pipeline.commands.size(); ++i) {
            auto made = evaluate(pipeline.commands[i], dot, i == 0 ? nullptr : &value);
            if (!made) return made;
            value = std::move(*made);
            if (auto over = spend(pipeline.at, size_of(value))) return std::move(*over);
        }
        if (how.binds && pipeline.variables.size() == 1) bind(pipeline, 0, value);
        return value;
    }

    static std::size_t size_of(const Value& value) {
        const auto* text = std::get_if<std::string>(&value);
        return text == nullptr ? 0 : text->size();
    }

    // `before` is what the commands in front of it have made: the last argument.
    Result<Value> evaluate(const Command& command, const Value& dot, const Value* before) {
        const auto& first = command.words.front();
        const auto* function = std::get_if<Function>(&first.what);
        if (function != nullptr && first.fields.empty()) {
            return call(command, function->name, dot, before);
        }
        if (command.words.size() > 1 || before != nullptr) {
            return failed(first,
                          fmt::format("can't give argument to non-function {}", to_string(first)));
        }
        if (std::holds_alternative<Nil>(first.what)) return failed(first, "nil is not a command");
        return evaluate(first, dot);
    }

    Result<Value> evaluate(const Word& word, const Value& dot) {
        if (auto over = spend(word.at)) return std::move(*over);
        auto value = std::visit([&](const auto& what) { return of(word, what, dot); }, word.what);
        if (!value) return value;
        for (const auto& field : word.fields) {
            auto inner = entry_of(word, *value, field);
            if (!inner) return inner;
            value = std::move(inner);
        }
        if (auto over = spend(word.at, size_of(*value))) return std::move(*over);
        return value;
    }

    static Result<Value> of(const Word&, Dot, const Value& dot) { return dot; }
    static Result<Value> of(const Word&, Nil, const Value&) { return Value{}; }
    static Result<Value> of(const Word&, bool flag, const Value&) { return Value(flag); }
    static Result<Value> of(const Word&, const Number& number, const Value&) {
        return std::visit([](auto value) { return Value(value); }, number);
    }
    static Result<Value> of(const Word&, const Text& text, const Value&) {
        return Value(text.value);
    }
    Result<Value> of(const Word&, const Variable& variable, const Value&) const {
        const auto found =
            std::ranges::find(bound_.rbegin(), bound_.rend(), variable.name, &Bound::name);
        return found == bound_.rend() ? Value{} : found->value;
    }
    Result<Value> of(const Word&, const Group& group, const Value& dot) {
        return evaluate(group.pipeline.front(), dot, {});
    }
    // Named as an argument, a function is called without any.
    Result<Value> of(const Word& word, const Function& function, const Value& dot) {
        Word bare = word;
        bare.fields.clear();
        return call({.at = word.at, .words = {std::move(bare)}}, function.name, dot, nullptr);
    }

    // missingkey=error.
    Result<Value> entry_of(const Word& word, const Value& data, const std::string& field) const {
        const auto fails = [&](std::string_view why) {
            return failed(word.fields_at, to_string(word), why);
        };
        if (std::holds_alternative<std::monostate>(data)) {
            return fails(fmt::format("nil data; no entry for key {}", quoted(field)));
        }
        const auto* entries = std::get_if<const Entries*>(&data);
        if (entries == nullptr) {
            return fails(fmt::format("can't evaluate field {} in type {}", field, type_of(data)));
        }
        const auto found = (*entries)->find(field);
        if (found == (*entries)->end()) {
            return fails(fmt::format("map has no entry for key {}", quoted(field)));
        }
        return Value(found->second);
    }

    Result<Value> call(const Command& command,
                       const std::string& name,
                       const Value& dot,
                       const Value* before) {
        const auto& word = command.words.front();
        const auto given = command.words.size() - 1 + (before == nullptr ? 0 : 1);
        const auto arity = is_of_model(name) ? Arity{0, 0} : arity_of(name);
        if (given < arity.least && !arity.most) {
            return failed(word,
                          fmt::format("wrong number of args for {}: want at least {} got {}",
                                      name,
                                      arity.least,
                                      given));
        }
        if (arity.most && given != *arity.most) {
            return failed(
                word,
                fmt::format(
                    "wrong number of args for {}: want {} got {}", name, *arity.most, given));
        }
        if (is_of_model(name)) return of_model(name, model_);
        const bool is_and = name == "and";
        const bool stops_early = is_and || name == "or";
        std::vector<Value> arguments;
        for (std::size_t i = 1; i < command.words.size(); ++i) {
            auto value = evaluate(command.words[i], dot);
            if (!value) return value;
            if (stops_early && is_true(*value) != is_and) return value;
            arguments.push_back(std::move(*value));
        }
        if (before != nullptr) arguments.push_back(*before);
        if (stops_early) return std::move(arguments.back());
        auto made = call_built_in(name, arguments);
        if (!made) {
            return failed(command.at,
                          to_string(command),
                          fmt::format("error calling {}: {}", name, made.error().message));
        }
        if (size_of(*made) > text_max) {
            return failed(command.at,
                          excerpt(to_string(command), message_max),
                          fmt::format("a text of more than {} bytes", text_max));
        }
        return made;
    }

    std::string_view text_;
    const Template& made_;
    const QueryModel& model_;
    std::string template_ = "query";
    std::vector<Bound> bound_{{"$", {}}};
    std::string out_;
    std::size_t spent_ = 0;
    int uses_ = 0;
    int depth_ = 0;
};

Error with(std::string_view what, const Error& error) {
    return {error.kind, excerpt(fmt::format("{}: {}", what, error.message), message_max)};
}

}  // namespace

Result<std::string> render(std::string_view text, const QueryModel& model) {
    constexpr std::string_view parsing = "template parsing failed";
    if (text.size() > template_max) {
        return with(parsing,
                    {ErrorKind::too_large,
                     fmt::format("template: query: longer than {} bytes", template_max)});
    }
    if (text.find("{{") == std::string_view::npos) return std::string(text);
    const auto made = parse(text);
    if (!made) return with(parsing, made.error());
    auto rendered = Execution(text, *made, model).run();
    if (!rendered) return with("template excution failed", rendered.error());
    return rendered;
}

std::string with_single_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    std::string made;
    for (std::size_t at = text.find_first_not_of(blanks); at != std::string_view::npos;) {
        const auto end = std::min(text.find_first_of(blanks, at), text.size());
        if (!made.empty()) made += ' ';
        made += text.substr(at, end - at);
        at = text.find_first_not_of(blanks, end);
    }
    return made;
}

}  // namespace sluice::metrics
