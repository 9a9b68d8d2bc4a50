// A query template as words and signs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::metrics::syntax {

enum class Sign {
    text,
    open,   // {{
    close,  // }}
    blank,
    identifier,
    keyword,
    dot,
    field,     // .name
    variable,  // $name
    quoted,
    raw,
    character,
    number,
    boolean,
    nil,
    pipe,
    comma,
    declare,  // :=
    assign,   // =
    left,     // (
    right,    // )
    error,    // the text says what is wrong
    end,
};

struct Token {
    Sign sign = Sign::end;
    std::size_t at = 0;
    std::string_view text = {};  // of the template
    std::string wrong = {};      // of error
};

// Always ends with `end` or `error`. Trim markers have had their effect, comments are gone.
std::vector<Token> tokens_of(std::string_view text);

// As messages show it: "\"abc\"", "<if>", "EOF".
std::string to_string(const Token& token);

}  // namespace sluice::metrics::syntax
