// What is tried out in a lab, as it is asked for and told. Pure.
#pragma once

#include "base/core/json.hpp"
#include "base/core/result.hpp"
#include "web/lab.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace sluice::web {

// `path` of a body: "/" where it has none; invalid says what is wrong with it.
Result<std::string> path_wanted(const Json& body);

// Nothing for one that does nothing; invalid names the field.
Result<std::optional<LabSource::Fault>> fault_wanted(std::string_view body);
JsonObject fault_json(const kube::ObjectKey& pod, const LabSource::Fault& fault);

struct TryWanted {
    std::string gateway;
    std::string path = "/";
    std::string host = {};  // empty: none was named
};
Result<TryWanted> try_wanted(std::string_view body);

// The first so many bytes as text; "(no text)" of what is none.
std::string text_of_body(std::string_view body, std::size_t most);

}  // namespace sluice::web
