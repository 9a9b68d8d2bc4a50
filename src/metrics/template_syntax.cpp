#include "metrics/template_syntax.hpp"

#include "base/core/text.hpp"
#include "metrics/template_tokens.hpp"
#include "metrics/template_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace sluice::metrics::syntax {
namespace {

// Deeper than anybody writes, and shallow enough for any stack.
constexpr int depth_max = 100;

std::optional<Number> number_of(std::string_view text) {
    std::string digits;
    std::ranges::copy_if(text, std::back_inserter(digits), [](char c) { return c != '_'; });
    const bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.erase(0, 1);
    int base = 10;
    const auto prefix = lower_case(digits.substr(0, 2));
    if (prefix == "0x") base = 16;
    if (prefix == "0b") base = 2;
    if (prefix == "0o") base = 8;
    if (base != 10) digits.erase(0, 2);
    std::int64_t whole = 0;
    const auto* end = digits.data() + digits.size();
    const auto [read, error] = std::from_chars(digits.data(), end, whole, base);
    if (error == std::errc{} && read == end) return Number(negative ? -whole : whole);
    if (base != 10) return std::nullopt;
    if (digits.ends_with('.')) digits += '0';
    if (digits.starts_with('.')) digits.insert(0, "0");
    const auto broken = parse_number(digits);
    if (!broken) return std::nullopt;
    return Number(negative ? -*broken : *broken);
}

class Parser {
   public:
    explicit Parser(std::string_view text) : text_(text), tokens_(tokens_of(text)) {}

    Result<Template> run() {
        while (!failed_ && peek().sign != Sign::end) {
            if (is_keyword_action("define")) {
                define();
                continue;
            }
            auto statement = text_or_action();
            if (failed_) break;
            if (statement.is_end || statement.is_else) {
                fail(statement.is_end ? "unexpected {{end}}" : "unexpected {{else}}");
                break;
            }
            made_.body.push_back(std::move(statement.what));
        }
        if (failed_) return std::move(*failed_);
        return std::move(made_);
    }

   private:
    // A statement, or what ends the list that it would stand in.
    struct Piece {
        Statement what = {};
        bool is_end = false;
        bool is_else = false;
    };
    struct Ended {
        std::vector<Statement> list = {};
        bool by_else = false;
    };

    // --- tokens -------------------------------------------------------------------------------

    const Token& peek(std::size_t ahead = 0) const {
        return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
    }
    Token next() {
        const auto token = peek();
        if (token.sign == Sign::error) fail(token.wrong, token.at);
        if (at_ + 1 < tokens_.size()) ++at_;
        last_ = token.at;
        return token;
    }
    void skip_blanks() {
        while (peek().sign == Sign::blank) next();
    }
    Token next_word() {
        skip_blanks();
        return next();
    }
    const Token& peek_word() {
        skip_blanks();
        return peek();
    }
    bool is_keyword(const Token& token, std::string_view word) const {
        return token.sign == Sign::keyword && token.text == word;
    }
    bool is_keyword_action(std::string_view word) const {
        if (peek().sign != Sign::open) return false;
        const std::size_t first = peek(1).sign == Sign::blank ? 2 : 1;
        return is_keyword(peek(first), word);
    }

    // The first failure counts; after it nothing is read any more.
    void fail(std::string what, std::optional<std::size_t> at = {}) {
        if (failed_) return;
        failed_ =
            Error{ErrorKind::invalid,
                  fmt::format("template: query:{}: {}", line_of(text_, at.value_or(last_)), what)};
        at_ = tokens_.size() - 1;
    }
    void unexpected(const Token& token, std::string_view context) {
        if (token.sign == Sign::error) return fail(token.wrong, token.at);
        fail(fmt::format("unexpected {} in {}", to_string(token), context));
    }
    void expect_close(std::string_view context) {
        const auto token = next_word();
        if (token.sign != Sign::close) unexpected(token, context);
    }

    // --- statements ---------------------------------------------------------------------------

    Piece text_or_action() {
        const auto token = next();
        if (token.sign == Sign::text) {
            return {.what = {.kind = Kind::text, .at = token.at, .text = std::string(token.text)}};
        }
        if (token.sign != Sign::open) {
            unexpected(token, "input");
            return {};
        }
        return action();
    }

    Piece action() {
        const auto word = peek_word();
        if (word.sign == Sign::keyword) {
            next();
            return keyword_action(word);
        }
        Statement statement{.kind = Kind::action, .at = word.at};
        statement.pipeline = pipeline("command", Sign::close);
        return {.what = std::move(statement)};
    }

    Piece keyword_action(const Token& word) {
        if (word.text == "end") {
            expect_close("end");
            return {.is_end = true};
        }
        if (word.text == "else") {
            // What follows `else if` is read by who asked for the end of the list.
            const auto& following = peek_word();
            if (!is_keyword(following, "if") && !is_keyword(following, "with")) {
                expect_close("else");
            }
            return {.is_else = true};
        }
        if (word.text == "if") return {.what = branch(Kind::branch, word)};
        if (word.text == "with") return {.what = branch(Kind::with, word)};
        if (word.text == "range") return {.what = branch(Kind::range, word)};
        if (word.text == "template" || word.text == "block") return {.what = use(word)};
        if (word.text == "break" || word.text == "continue") return {.what = jump(word)};
        unexpected(word, "command");
        return {};
    }

    Statement branch(Kind kind, const Token& word) {
        Statement made{.kind = kind, .at = word.at};
        if (++depth_ > depth_max) fail("max nesting depth exceeded");
        const auto known = variables_.size();
        made.pipeline = pipeline(word.text, Sign::close);
        if (kind == Kind::range) ++ranges_;
        auto body = list();
        if (kind == Kind::range) --ranges_;
        made.body = std::move(body.list);
        if (body.by_else) made.otherwise = otherwise(kind);
        variables_.resize(std::min(known, variables_.size()));
        --depth_;
        return made;
    }

    std::vector<Statement> otherwise(Kind kind) {
        const auto word = peek_word();
        if (word.sign == Sign::keyword) {
            const bool fits = (kind == Kind::branch && word.text == "if") ||
                              (kind == Kind::with && word.text == "with");
            if (!fits) {
                unexpected(word, "else");
                return {};
            }
            next();
            std::vector<Statement> one;
            one.push_back(branch(kind, word));
            return one;
        }
        auto made = list();
        if (made.by_else) fail("expected end; found {{else}}");
        return std::move(made.list);
    }

    // Up to its end or else.
    Ended list() {
        Ended made;
        while (!failed_) {
            if (peek().sign == Sign::end) {
                last_ = peek().at;
                fail("unexpected EOF");
                break;
            }
            auto piece = text_or_action();
            if (piece.is_end || piece.is_else) {
                made.by_else = piece.is_else;
                return made;
            }
            made.list.push_back(std::move(piece.what));
        }
        return made;
    }

    Statement jump(const Token& word) {
        if (ranges_ == 0) fail(fmt::format("{{{{{}}}}} outside {{{{range}}}}", word.text));
        expect_close(word.text);
        return {.kind = word.text == "break" ? Kind::leave : Kind::next, .at = word.at};
    }

    // {{template "name" pipeline}}, and {{block}}, which defines it on the spot.
    Statement use(const Token& word) {
        const auto context = word.text == "block" ? "block clause" : "template clause";
        Statement made{.kind = Kind::use, .at = word.at, .text = name(context)};
        if (peek_word().sign == Sign::close) {
            next();
            if (word.text == "block") fail("missing value for block clause");
        } else {
            made.pipeline = pipeline(context, Sign::close);
        }
        if (word.text == "block") definition(made.text);
        return made;
    }

    std::string name(std::string_view context) {
        const auto token = next_word();
        if (token.sign == Sign::quoted || token.sign == Sign::raw) {
            if (auto text = unquoted(token.text)) return std::move(*text);
        }
        unexpected(token, context);
        return {};
    }

    void define() {
        next();
        next_word();
        const auto named = name("define clause");
        expect_close("define clause");
        definition(named);
    }

    // A template of its own: it sees none of the variables around it.
    void definition(const std::string& name) {
        if (++depth_ > depth_max) fail("max nesting depth exceeded");
        auto outer = std::exchange(variables_, {"$"});
        const int ranges = std::exchange(ranges_, 0);
        auto body = list();
        if (body.by_else) fail("unexpected {{else}} in define clause");
        ranges_ = ranges;
        variables_ = std::move(outer);
        made_.named[name] = std::move(body.list);
        --depth_;
    }

    // --- pipelines ----------------------------------------------------------------------------

    Pipeline pipeline(std::string_view context, Sign end) {
        Pipeline made{.at = peek_word().at};
        if (++depth_ > depth_max) fail("max expression depth exceeded");
        declaration(made, context);
        while (!failed_) {
            const auto& word = peek_word();
            if (word.sign == end) {
                next();
                check(made, context);
                break;
            }
            if (!starts_operand(word.sign)) {
                unexpected(next(), context);
                break;
            }
            made.commands.push_back(command());
        }
        --depth_;
        return made;
    }

    // `$x :=`, `$x =`, and in a range `$i, $x :=`.
    void declaration(Pipeline& made, std::string_view context) {
        while (peek_word().sign == Sign::variable) {
            const auto start = at_;
            const auto variable = next();
            const auto sign = peek_word().sign;
            const bool more = sign == Sign::comma && context == "range" && made.variables.empty();
            if (sign == Sign::declare || sign == Sign::assign || more) {
                next();
                made.declares = sign != Sign::assign;
                made.variables.emplace_back(variable.text);
                if (!more) break;
                if (peek_word().sign != Sign::variable) unexpected(next(), "range");
                continue;
            }
            if (sign == Sign::comma && context == "range") fail("too many declarations in range");
            if (!failed_) at_ = start;
            break;
        }
        for (const auto& variable : made.variables) {
            if (made.declares) {
                variables_.push_back(variable);
            } else if (std::ranges::find(variables_, variable) == variables_.end()) {
                fail(fmt::format("undefined variable {}", quoted(variable)));
            }
        }
    }

    void check(const Pipeline& made, std::string_view context) {
        if (made.commands.empty()) return fail(fmt::format("missing value for {}", context));
        for (std::size_t i = 1; i < made.commands.size(); ++i) {
            const auto& first = made.commands[i].words.front();
            const bool runs = std::holds_alternative<Function>(first.what) ||
                              std::holds_alternative<Variable>(first.what) ||
                              std::holds_alternative<Group>(first.what) || !first.fields.empty();
            if (!runs) {
                return fail(fmt::format("non executable command in pipeline stage {}", i + 1));
            }
        }
    }

    static bool starts_operand(Sign sign) { return reader_of(sign) != nullptr; }

    // Words with blanks between them, up to a pipe or what ends the pipeline.
    Command command() {
        Command made{.at = peek_word().at};
        while (!failed_) {
            if (starts_operand(peek_word().sign)) made.words.push_back(operand());
            const auto& following = peek();
            if (following.sign == Sign::blank) {
                next();
                if (starts_operand(peek().sign)) continue;
            }
            const auto sign = peek().sign;
            if (sign == Sign::close || sign == Sign::right) break;
            if (sign == Sign::pipe) {
                next();
                if (!starts_operand(peek_word().sign)) {
                    if (peek().sign == Sign::close || peek().sign == Sign::right) {
                        fail("missing value for command");
                    } else {
                        unexpected(next(), "command");
                    }
                }
                break;
            }
            unexpected(next(), "operand");
        }
        return made;
    }

    Word operand() {
        auto word = term();
        const bool is_field = word.fields.size() == 1;
        if (peek().sign != Sign::field) return word;
        if (!is_field) word.fields_at = peek().at;
        const bool has_fields = is_field || std::holds_alternative<Function>(word.what) ||
                                std::holds_alternative<Variable>(word.what) ||
                                std::holds_alternative<Group>(word.what);
        if (!has_fields) {
            fail(fmt::format("unexpected . after term {}", quoted(word.source)));
            return word;
        }
        while (!failed_ && peek().sign == Sign::field) {
            word.fields.emplace_back(next().text.substr(1));
        }
        return word;
    }

    Word term() {
        const auto token = next();
        Word word{.at = token.at, .source = std::string(token.text), .fields_at = token.at};
        if (const auto read = reader_of(token.sign)) (this->*read)(token.text, word);
        return word;
    }

    // How a sign that an operand begins with is read; null for all others.
    using Reader = void (Parser::*)(std::string_view text, Word& word);
    static Reader reader_of(Sign sign) {
        switch (sign) {
            case Sign::identifier:
                return &Parser::read_function;
            case Sign::dot:
                return &Parser::read_dot;
            case Sign::field:
                return &Parser::read_field;
            case Sign::variable:
                return &Parser::read_variable;
            case Sign::quoted:
            case Sign::raw:
                return &Parser::read_text;
            case Sign::character:
                return &Parser::read_character;
            case Sign::number:
                return &Parser::read_number;
            case Sign::boolean:
                return &Parser::read_boolean;
            case Sign::nil:
                return &Parser::read_nil;
            case Sign::left:
                return &Parser::read_group;
            case Sign::text:
            case Sign::open:
            case Sign::close:
            case Sign::blank:
            case Sign::keyword:
            case Sign::pipe:
            case Sign::comma:
            case Sign::declare:
            case Sign::assign:
            case Sign::right:
            case Sign::error:
            case Sign::end:
                break;
        }
        return nullptr;
    }

    void read_function(std::string_view text, Word& word) {
        if (!is_function(text)) fail(fmt::format("function {} not defined", quoted(text)));
        word.what = Function{std::string(text)};
    }

    void read_dot(std::string_view, Word&) {}  // as a word is made

    void read_field(std::string_view text, Word& word) {
        word.source = "";
        word.fields.emplace_back(text.substr(1));
    }

    void read_variable(std::string_view text, Word& word) {
        if (std::ranges::find(variables_, text) == variables_.end()) {
            fail(fmt::format("undefined variable {}", quoted(text)));
        }
        word.what = Variable{std::string(text)};
    }

    void read_text(std::string_view text, Word& word) {
        if (auto plain = unquoted(text)) {
            word.what = Text{std::move(*plain)};
        } else {
            fail("invalid syntax");
        }
    }

    void read_character(std::string_view text, Word& word) {
        if (const auto code = character_of(text)) {
            word.what = Number(*code);
        } else {
            fail(fmt::format("malformed character constant: {}", text));
        }
    }

    void read_number(std::string_view text, Word& word) {
        if (const auto number = number_of(text)) {
            word.what = *number;
        } else {
            fail(fmt::format("bad number syntax: {}", quoted(text)));
        }
    }

    void read_boolean(std::string_view text, Word& word) { word.what = text == "true"; }

    void read_nil(std::string_view, Word& word) { word.what = Nil{}; }

    void read_group(std::string_view, Word& word) {
        Group group;
        group.pipeline.push_back(pipeline("parenthesized pipeline", Sign::right));
        word.source = fmt::format("({})", to_string(group.pipeline.front()));
        word.what = std::move(group);
    }

    std::string_view text_;
    std::vector<Token> tokens_;
    std::size_t at_ = 0;
    std::size_t last_ = 0;  // where the token that was read last stands
    int depth_ = 0;
    int ranges_ = 0;
    std::vector<std::string> variables_{"$"};
    Template made_;
    std::optional<Error> failed_;
};

}  // namespace

Result<Template> parse(std::string_view text) {
    return Parser(text).run();
}

std::string to_string(const Word& word) {
    auto made = word.source;
    for (const auto& field : word.fields) made += "." + field;
    return made;
}

std::string to_string(const Command& command) {
    std::string made;
    for (const auto& word : command.words) {
        if (!made.empty()) made += ' ';
        made += to_string(word);
    }
    return made;
}

std::string to_string(const Pipeline& pipeline) {
    std::string made;
    if (!pipeline.variables.empty()) {
        made = fmt::format(
            "{} {} ", fmt::join(pipeline.variables, ", "), pipeline.declares ? ":=" : "=");
    }
    for (std::size_t i = 0; i < pipeline.commands.size(); ++i) {
        if (i > 0) made += " | ";
        made += to_string(pipeline.commands[i]);
    }
    return made;
}

std::size_t line_of(std::string_view text, std::size_t at) {
    const auto before = text.substr(0, at);
    return 1 + static_cast<std::size_t>(std::ranges::count(before, '\n'));
}

std::string place(std::string_view text, std::size_t at) {
    const auto newline = text.substr(0, at).rfind('\n');
    const auto column = newline == std::string_view::npos ? at : at - newline - 1;
    return fmt::format("{}:{}", line_of(text, at), column);
}

}  // namespace sluice::metrics::syntax
