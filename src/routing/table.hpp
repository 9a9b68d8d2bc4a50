// Which router serves which provider.
#pragma once

#include "routing/router.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::routing {

class Table {
   public:
    Table();

    // Null for a provider that is not built; never a default.
    const Router* find(std::string_view provider) const;
    std::vector<std::string> known() const;
    // "provider linkerd is not supported; known: istio"
    std::string refusal(std::string_view provider) const;

   private:
    std::map<std::string, std::unique_ptr<Router>, std::less<>> routers_;
};

}  // namespace sluice::routing
