// Where the requests of users go, by every door that is open to them: worked out from the objects
// as they are stored, by the code that the lab's proxy goes by.
#pragma once

#include "lab/mesh/nginx_ingress.hpp"
#include "lab/mesh/table_builder.hpp"
#include "scenario/world.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sim {

// One side of a release, for the users of one sort.
struct Side {
    int share = 0;         // of a hundred of their requests
    std::size_t pods = 0;  // ready ones
};

struct Reach {
    std::string who;  // "insiders at the gateway"
    Side primary, canary;
    // Of a Service that leads to the pods of neither.
    int astray = 0;
};

class Traffic {
   public:
    // The world outlives this.
    explicit Traffic(scenario::World& world);

    // For each sort of users and each door that leads somewhere, by who it is.
    const std::map<std::string, Reach>& now();

    // The header by which chaos knows insiders, and the values that it has.
    static constexpr std::string_view insider_header = "x-user";
    static const std::vector<std::string>& insiders();
    static constexpr std::string_view host = "app.example.com";
    // That of the Ingress which the Canary may be pointed at.
    static constexpr std::string_view other_host = "other.example.com";

   private:
    struct User {
        std::string name;
        net::Headers headers;
    };
    struct Doors {
        mesh::GatewayListener gateway, nginx;
    };

    std::vector<User> users() const;
    Doors doors() const;
    enum class Whose { primary, canary, nobody };
    Whose whose(const std::string& service) const;
    std::size_t pods_of(const mesh::Upstream& upstream) const;
    void see(const std::string& who, const mesh::RouteTable& table, const mesh::Routing& routing);

    scenario::World& world_;
    mesh::TableBuilder table_;
    Doors doors_;
    std::map<std::string, Reach> now_;
    bool is_dirty_ = true;
    bool are_doors_dirty_ = true;
    std::vector<lab::Subscription> subscriptions_;
};

}  // namespace sluice::sim
