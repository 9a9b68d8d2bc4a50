#include "lab/apiserver/builtin_fields.hpp"

namespace sluice::lab {

std::shared_ptr<const Json> builtin_open_api(std::string_view, std::string_view) {
    return nullptr;
}

std::shared_ptr<const Schema> builtin_schema(std::string_view, std::string_view) {
    return nullptr;
}

}  // namespace sluice::lab
