// Objects as people read them: YAML, without what nobody should see, and what differs between two
// revisions. Pure.
#pragma once

#include "base/core/json.hpp"

#include <boost/json/value.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::web {

// Hides what may be a secret by what it is called: values of environment variables, of flags and of
// fields that are named like one; users and queries of addresses; what follows Bearer and Basic.
// What a Secret holds is never in an object. Of one name the second value and those after it are
// told apart from the first, so that a comparison shows that it has changed.
class Masker {
   public:
    void mask(Json& value);

   private:
    void mask_object(JsonObject& object);
    void mask_match(std::string_view name, JsonObject& match);
    void mask_list(JsonArray& list);
    std::string instead_of(std::string_view name, std::string_view value);

    std::map<std::string, std::map<std::string, std::size_t>> seen_;  // by name, then by value
};

// "DB_PASSWORD", "apiToken".
bool is_secret_name(std::string_view name);

// An object in kubectl's order, without managedFields.
std::string manifest_of(const Json& object);

// The two pod templates of a release, as YAML. The primary's names are those of the target where
// only the suffix that it is made with tells them apart.
struct Templates {
    std::string primary, target;
};
Templates templates_of(const Json& primary, const Json& target);

struct DiffLine {
    enum class Op { same, removed, added } op = Op::same;
    std::string text;

    bool operator==(const DiffLine&) const = default;
};
// The fewest lines that make the one the other; of very long texts all of them.
std::vector<DiffLine> diff_of(std::string_view before, std::string_view after);

}  // namespace sluice::web
