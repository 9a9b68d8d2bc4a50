// What a request asks for, read from its path, its query and its headers.
#pragma once

#include "net/http.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::lab {

// The parameters behind the '?', decoded, in the order in which they came.
class Query {
   public:
    explicit Query(std::string_view text);

    std::optional<std::string_view> get(std::string_view name) const;
    // Empty when missing.
    std::string_view text(std::string_view name) const;
    // "true" and "1", and a bare name, are true.
    bool is_set(std::string_view name) const;
    // Nothing when missing or not a number.
    std::optional<std::int64_t> number(std::string_view name) const;
    bool has(std::string_view name, std::string_view value) const;

   private:
    std::vector<std::pair<std::string, std::string>> fields_;
};

struct ApiTarget {
    std::vector<std::string> segments;  // decoded; "/" has none
    Query query{""};
};
ApiTarget api_target_of(const net::Request& request);

// [namespaces/<ns>/]<plural>[/<name>[/<subresource>]] behind a group and version.
struct ResourcePath {
    std::string group;
    std::string version;
    std::string ns;
    std::string plural;
    std::string name;
    std::string subresource;
};
// Nothing when the path is not one of a resource ("/apis/apps/v1" is not).
std::optional<ResourcePath> resource_path_of(const std::vector<std::string>& segments);

// What the client would like to read, by its Accept header.
enum class AnswerForm { object, table, partial_metadata, group_discovery };
AnswerForm form_asked(const net::Request& request);

// A Content-Type without its parameters, in lower case; empty when there is none.
std::string media_type(const net::Request& request);

}  // namespace sluice::lab
