// The JSONPath that printer columns of custom resources use: fields, indexes, "[*]" and filters by
// comparison. Nothing of the rest of the language.
#pragma once

#include "base/core/json.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::lab {

class JsonPathQuery {
   public:
    // ".a.b", "a.b", "{.a}", ".a[0]", ".a['x/y']", ".a[*].b", ".a[?(@.type==\"Ready\")].status";
    // nothing for what is not understood.
    static std::optional<JsonPathQuery> parse(std::string_view text);

    // Whatever the path leads to, in order; the pointers live as long as `root`.
    std::vector<const Json*> all(const Json& root) const;
    // The first of them, or null.
    const Json* first(const Json& root) const;

   private:
    struct Field {
        std::string name;
    };
    struct Index {
        std::int64_t at;  // from the end when negative
    };
    struct Every {};
    struct Filter {
        std::vector<std::string> left;
        std::string comparison;  // "==", "!=", "<", "<=", ">", ">="; empty: the field is there
        Json right;
    };
    using Step = std::variant<Field, Index, Every, Filter>;

    static bool holds(const Filter& filter, const Json& item);
    static bool parse_bracket(std::string_view inside, std::vector<Step>& steps);

    std::vector<Step> steps_;
};

}  // namespace sluice::lab
