// Which router serves which provider.
#pragma once

#include "routing/router.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::routing {

struct TableSettings {
    std::string ingress_annotations_prefix = "nginx.ingress.kubernetes.io";
};

class Table {
   public:
    explicit Table(const TableSettings& settings = {});

    // Null for a provider that is not built; never a default.
    const Router* find(std::string_view provider) const;
    std::vector<std::string> known() const;
    // "provider linkerd is not supported; known: istio"
    std::string refusal(std::string_view provider) const;

   private:
    enum class Naming { exact, prefix };
    struct Entry {
        std::string name;
        Naming naming = Naming::exact;
        std::unique_ptr<Router> router;
    };
    std::vector<Entry> entries_;  // asked in this order
};

}  // namespace sluice::routing
