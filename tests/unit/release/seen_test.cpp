// What a Canary says of itself where the peer's CRD keeps no field of ours: they are at its
// primary, whatever kind that is.
#include "release/seen.hpp"

#include "controller/state.hpp"
#include "unit/kube/world.hpp"

using namespace sluice;
using namespace sluice::release;

TEST_CASE("under the peer's CRD our fields are found at the primary of every kind of target") {
    struct Case {
        const char* kind;
        const char* primary;  // where it stands
    };
    for (const auto& [kind, primary] :
         {Case{"Deployment", "/apis/apps/v1/namespaces/prod/deployments/web-primary"},
          Case{"DaemonSet", "/apis/apps/v1/namespaces/prod/daemonsets/web-primary"},
          Case{"Service", "/api/v1/namespaces/prod/services/shop-primary"}}) {
        CAPTURE(kind);
        kube::test::World world;
        Json canary = JsonObject{{"apiVersion", "flagger.app/v1beta1"}, {"kind", "Canary"}};
        put(canary, {"metadata"}, JsonObject{{"name", "c"}, {"namespace", "prod"}, {"uid", "u"}});
        put(canary, {"spec", "targetRef"}, JsonObject{{"kind", kind}, {"name", "web"}});
        put(canary, {"spec", "service"}, JsonObject{{"name", "shop"}, {"port", 80}});
        const Json stored = JsonObject{{"phase", "Progressing"}, {"canaryWeight", 20}};
        put(canary, {"status"}, stored);
        auto whole = stored;
        put(whole, {"granted"}, "promote this");
        Json workload = JsonObject{};
        put(workload,
            {"metadata", "annotations", controller::state_annotation},
            Json(controller::note_of(stored, whole, "u")));
        world.server.on(
            "GET /apis/flagger.app/v1beta1/namespaces/prod/canaries/c", 200, to_text(canary));
        world.server.on(std::string("GET ") + primary, 200, to_text(workload));
        const auto seen = world.run(read_canary(world.client, {"prod", "c"}));
        REQUIRE(seen);
        CHECK(seen->canary.status.granted == "promote this");
        CHECK(seen->canary.status.canary_weight == 20);
    }
}
