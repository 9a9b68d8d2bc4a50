// Answers of the dashboard held against its contract, web/openapi.yaml.
#pragma once

#include "base/core/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::support {

class Contract {
   public:
    // The file is read; doctest fails where it cannot be.
    explicit Contract(const std::string& file);

    // What is wrong with an answer's body, "items[3].rps: text, not number or null"; the path is
    // the one below /api/ui/v1, with or without a query. Unknown paths and statuses are wrong, too.
    std::vector<std::string> faults(std::string_view method,
                                    std::string_view path,
                                    int status,
                                    const Json& body) const;
    // The same of one schema by its name.
    std::vector<std::string> faults_of(std::string_view schema, const Json& value) const;

   private:
    const Json* path_item(std::string_view path) const;
    const Json& resolved(const Json& schema) const;
    void check(const Json& schema,
               const Json& value,
               const std::string& where,
               std::vector<std::string>& faults) const;

    Json document_;
};

}  // namespace sluice::support
