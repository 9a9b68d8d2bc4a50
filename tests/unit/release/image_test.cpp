// A new image for a container of a release's target: what can be, and what is written.
#include "release/image.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::release;

namespace {

Json web() {
    return boost::json::parse(R"({"spec": {"template": {"spec": {
        "initContainers": [{"name": "migrate", "image": "web:1"}],
        "containers": [{"name": "istio-proxy", "image": "auto"},
                       {"name": "app", "image": "web:1"}]}}}})");
}

api::Canary a_canary(api::Phase phase = api::Phase::succeeded) {
    api::Canary canary;
    canary.ns = "test";
    canary.name = "web";
    canary.target = {.kind = "Deployment", .name = "web"};
    canary.status.phase = phase;
    return canary;
}

std::string objection(ContainerImage wanted) {
    return objection_to_image(wanted, web(), a_canary());
}

}  // namespace

TEST_CASE("a reference of an image is told from what is none") {
    for (const auto* good :
         {"web",
          "web:2",
          "stefanprodan/podinfo:6.1.0",
          "registry.example:5000/team/sub-team/web_app:v2.1-rc.1",
          "localhost/web",
          "localhost:5000/web:2",
          "ghcr.io/a--b/c__d:2",
          "web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
          "web:2@sha256:0123456789abcdef0123456789abcdef"}) {
        CAPTURE(good);
        CHECK(is_image_reference(good));
    }
    const std::string long_tag = "web:" + std::string(129, 'x');
    const std::string long_name = std::string(600, 'x');
    for (const auto* bad : {"",
                            " ",
                            "web:",
                            "web: 2",
                            "Web:2",
                            ":2",
                            "web:-2",
                            "web//x",
                            "/web",
                            "web/",
                            "web_",
                            "a___b",
                            "a..b",
                            "web@sha256:0123",
                            "web@2",
                            "http://web:2",
                            "registry.example:port/web",
                            "-a.example/web",
                            "web\n:2",
                            long_tag.c_str(),
                            long_name.c_str()}) {
        CAPTURE(bad);
        CHECK_FALSE(is_image_reference(bad));
    }
}

TEST_CASE("what cannot be is refused in words") {
    CHECK(objection({"app", "web:2"}).empty());
    CHECK(objection({"migrate", "web:2"}).empty());
    CHECK(objection({"other", "web:2"}) ==
          "Deployment web.test has no container other; it has istio-proxy, app, migrate");
    CHECK(objection({"", "web:2"}) ==
          "Deployment web.test has no container \"\"; it has istio-proxy, app, migrate");
    CHECK(objection({"app", ""}) == "the image is empty");
    CHECK(objection({"app", "web: 2"}) == "web: 2 is no reference of an image");
    CHECK(objection({"app", "web:1"}) == "container app has this image already");
    auto leaving = a_canary();
    leaving.deleting = true;
    CHECK(objection_to_image({"app", "web:2"}, web(), leaving) == "web.test is being deleted");
}

TEST_CASE("it is said what comes of it") {
    CHECK(consequence_of_image(a_canary()) == "begins a release");
    CHECK(consequence_of_image(a_canary(api::Phase::failed)) == "begins a release");
    auto running = a_canary(api::Phase::progressing);
    CHECK(consequence_of_image(running) == "begins the analysis anew with it");
    running.suspended = true;
    CHECK(consequence_of_image(running) ==
          "is looked at when the release is resumed (it is paused)");
}

TEST_CASE("nothing but the image is written, and nothing where another one stands by then") {
    CHECK(to_text(image_patch({"app", "web:2"}, web())) ==
          R"([{"op":"test","path":"/spec/template/spec/containers/1/name","value":"app"},)"
          R"({"op":"test","path":"/spec/template/spec/containers/1/image","value":"web:1"},)"
          R"({"op":"replace","path":"/spec/template/spec/containers/1/image","value":"web:2"}])");
    CHECK(to_text(image_patch({"migrate", "web:2"}, web())).find("initContainers/0/image") !=
          std::string::npos);
}
