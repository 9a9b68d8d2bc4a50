#include "metrics/template_tokens.hpp"

#include "base/core/text.hpp"
#include "metrics/template_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::metrics::syntax {
namespace {

constexpr std::string_view blanks = " \t\r\n";

constexpr std::array<std::string_view, 10> keywords{
    "if", "else", "end", "range", "with", "define", "template", "block", "break", "continue"};

bool is_blank(char c) {
    return blanks.find(c) != std::string_view::npos;
}

// Letters of other scripts count as letters; nobody names anything with their signs.
bool is_word(char c) {
    return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           static_cast<unsigned char>(c) >= 0x80;
}

class Lexer {
   public:
    explicit Lexer(std::string_view text) : text_(text) {}

    std::vector<Token> run() {
        while (!ended_) {
            plain();
            if (!ended_) action();
        }
        return std::move(tokens_);
    }

   private:
    std::string_view rest() const { return text_.substr(at_); }
    char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    bool done() const { return at_ >= text_.size(); }

    void emit(Sign sign, std::size_t from) {
        tokens_.push_back({sign, from, text_.substr(from, at_ - from), {}});
    }
    void fail(std::size_t at, std::string what) {
        tokens_.push_back({Sign::error, at, {}, std::move(what)});
        ended_ = true;
    }

    // A minus that belongs to the braces has a blank on its other side.
    bool opens_trimming() const { return peek() == '-' && is_blank(peek(1)); }
    bool closes_trimming() const {
        return is_blank(peek()) && peek(1) == '-' && rest().substr(2).starts_with("}}");
    }
    bool closes() const { return rest().starts_with("}}") || closes_trimming(); }

    // Up to the next {{, or to the end.
    void plain() {
        const auto from =
            std::min(skipping_ ? text_.find_first_not_of(blanks, at_) : at_, text_.size());
        skipping_ = false;
        const auto open = std::min(text_.find("{{", from), text_.size());
        at_ = std::min(open + 2, text_.size());
        const bool trims = open < text_.size() && opens_trimming();
        auto shown = text_.substr(from, open - from);
        if (trims) shown = shown.substr(0, shown.find_last_not_of(blanks) + 1);
        if (!shown.empty()) tokens_.push_back({Sign::text, from, shown, {}});
        if (open == text_.size()) {
            tokens_.push_back({Sign::end, open, {}, {}});
            ended_ = true;
            return;
        }
        begin_ = open;
        if (trims) ++at_;
    }

    void action() {
        const auto comment = std::min(text_.find_first_not_of(blanks, at_), text_.size());
        const bool trimmed_left = text_[at_ - 1] == '-';
        if (text_.substr(trimmed_left ? comment : at_).starts_with("/*")) return skip_comment();
        emit(Sign::open, begin_);
        depth_ = 0;
        while (!ended_) {
            if (closes()) {
                if (depth_ > 0) return fail(at_, "unclosed left paren");
                return close();
            }
            if (done()) return fail(begin_, "unclosed action");
            word();
        }
    }

    void close() {
        skipping_ = closes_trimming();
        const auto from = at_;
        at_ = text_.find("}}", at_) + 2;
        emit(Sign::close, from);
    }

    void skip_comment() {
        const auto end = text_.find("*/", text_.find("/*", at_) + 2);
        if (end == std::string_view::npos) return fail(begin_, "unclosed comment");
        at_ = end + 2;
        if (!closes()) return fail(begin_, "comment ends before closing delimiter");
        skipping_ = closes_trimming();
        at_ = text_.find("}}", at_) + 2;
    }

    void word() {
        const auto from = at_;
        const char c = peek();
        if (is_blank(c)) {
            while (!done() && is_blank(peek()) && !closes_trimming()) ++at_;
            return emit(Sign::blank, from);
        }
        if (c == '"' || c == '\'') return quoted(c);
        if (c == '`') return raw();
        if (c == '$' || (c == '.' && !is_digit(peek(1)))) return named();
        if (is_digit(c) || c == '.' || ((c == '+' || c == '-') && starts_number(1))) {
            return number();
        }
        if (is_word(c)) return named();
        if (rest().starts_with(":=")) return sign(Sign::declare, 2);
        if (c == '=') return sign(Sign::assign, 1);
        if (c == '|') return sign(Sign::pipe, 1);
        if (c == ',') return sign(Sign::comma, 1);
        if (c == '(') {
            ++depth_;
            return sign(Sign::left, 1);
        }
        if (c == ')') {
            if (depth_-- == 0) return fail(at_, "unexpected right paren");
            return sign(Sign::right, 1);
        }
        if (c == ':') return fail(at_, "expected :=");
        fail(at_, "unrecognized character in action: " + shown(c));
    }

    bool starts_number(std::size_t ahead) const {
        return is_digit(peek(ahead)) || (peek(ahead) == '.' && is_digit(peek(ahead + 1)));
    }

    void sign(Sign sign, std::size_t length) {
        const auto from = at_;
        at_ += length;
        emit(sign, from);
    }

    void quoted(char quote) {
        const auto from = at_++;
        for (; !done() && peek() != quote; ++at_) {
            if (peek() == '\n') break;
            if (peek() == '\\') ++at_;
        }
        if (done() || peek() != quote) {
            return fail(
                from,
                quote == '"' ? "unterminated quoted string" : "unterminated character constant");
        }
        ++at_;
        emit(quote == '"' ? Sign::quoted : Sign::character, from);
    }

    void raw() {
        const auto from = at_;
        const auto end = text_.find('`', at_ + 1);
        if (end == std::string_view::npos) return fail(from, "unterminated raw quoted string");
        at_ = end + 1;
        emit(Sign::raw, from);
    }

    void number() {
        const auto from = at_++;
        while (is_word(peek()) || peek() == '.' ||
               ((peek() == '+' || peek() == '-') && is_exponent(from))) {
            ++at_;
        }
        emit(Sign::number, from);
    }
    // The sign in 1e-5, but not the one in 0xe-5.
    bool is_exponent(std::size_t from) const {
        const char before = text_[at_ - 1];
        return (before == 'e' || before == 'E') &&
               lower_case(text_.substr(from, 3)).find("0x") == std::string::npos;
    }

    void named() {
        const auto from = at_++;
        while (is_word(peek())) ++at_;
        const auto word = text_.substr(from, at_ - from);
        const bool ends = done() || is_blank(peek()) || closes() ||
                          std::string_view(".,|:)(").find(peek()) != std::string_view::npos;
        if (!ends) return fail(at_, "bad character " + shown(peek()));
        if (word == ".") return emit(Sign::dot, from);
        if (word.front() == '.') return emit(Sign::field, from);
        if (word.front() == '$') return emit(Sign::variable, from);
        if (std::ranges::find(keywords, word) != keywords.end()) return emit(Sign::keyword, from);
        if (word == "true" || word == "false") return emit(Sign::boolean, from);
        emit(word == "nil" ? Sign::nil : Sign::identifier, from);
    }

    static std::string shown(char c) {
        const auto code = static_cast<unsigned char>(c);
        if (code < 0x20 || code >= 0x7f) return fmt::format("U+{:04X}", code);
        return fmt::format("U+{:04X} '{}'", code, c);
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t begin_ = 0;  // of the action
    int depth_ = 0;
    bool skipping_ = false;  // blanks after a trim marker
    bool ended_ = false;
    std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view text) {
    return Lexer(text).run();
}

std::string to_string(const Token& token) {
    constexpr std::size_t shown_max = 10;
    if (token.sign == Sign::end) return "EOF";
    if (token.sign == Sign::error) return token.wrong;
    if (token.sign == Sign::keyword) return fmt::format("<{}>", token.text);
    if (token.text.size() > shown_max) {
        auto cut = shown_max;
        while (cut > 0 && (static_cast<unsigned char>(token.text[cut]) & 0xC0) == 0x80) --cut;
        return quoted(token.text.substr(0, cut)) + "...";
    }
    return quoted(token.text);
}

}  // namespace sluice::metrics::syntax
