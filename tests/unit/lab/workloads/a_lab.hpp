// A cluster with its controllers and a kubelet, in virtual time.
#pragma once

#include "base/async/virtual_clock.hpp"
#include "lab/apiserver/cluster.hpp"
#include "lab/workloads/container_logs.hpp"
#include "lab/workloads/kubelet.hpp"
#include "lab/workloads/scripted_runtime.hpp"
#include "lab/workloads/workload_controllers.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace sluice::lab::testing {

namespace resources = kube::resources;
using std::chrono::seconds;

class Lab {
   public:
    explicit Lab(ImageMap images = {}, WorkloadOptions options = {})
        : clock_(context_, *parse_rfc3339("2026-01-25T19:45:00Z")),
          random_(7),
          cluster_(clock_, random_),
          runtime_(clock_) {
        cluster_.deliver_by(
            [this](std::function<void()> work) { boost::asio::post(context_, std::move(work)); });
        logs_.emplace(context_.get_executor(), cluster_);
        controllers_.emplace(context_.get_executor(), cluster_, options);
        kubelet_.emplace(context_.get_executor(), cluster_, runtime_, *logs_, std::move(images));
    }
    Lab(const Lab&) = delete;
    Lab& operator=(const Lab&) = delete;
    ~Lab() {
        kubelet_.reset();
        controllers_.reset();
        clock_.settle();
    }

    void start() {
        controllers_->start();
        kubelet_->start();
        clock_.settle();
    }
    void run_for(Duration duration) { clock_.run_for(duration); }

    VirtualClock& clock() { return clock_; }
    Cluster& cluster() { return cluster_; }
    ScriptedRuntime& runtime() { return runtime_; }
    Kubelet& kubelet() { return *kubelet_; }
    ContainerLogs& logs() { return *logs_; }
    boost::asio::io_context& context() { return context_; }

    Json get(const Resource& resource, const std::string& name) {
        const auto object = cluster_.find(resource, {"default", name});
        REQUIRE(object != nullptr);
        return *object;
    }
    bool has(const Resource& resource, const std::string& name) {
        return cluster_.find(resource, {"default", name}) != nullptr;
    }
    void create(const Resource& resource, Json object) {
        const auto created = cluster_.create(resource, std::move(object));
        if (!created) INFO(created.error().message);
        REQUIRE(created.has_value());
    }
    void patch(const Resource& resource,
               const std::string& name,
               const Json& patch,
               PatchKind kind = PatchKind::merge) {
        const auto patched = cluster_.patch(resource, {"default", name}, kind, patch);
        if (!patched) INFO(patched.error().message);
        REQUIRE(patched.has_value());
    }
    void remove(const Resource& resource,
                const std::string& name,
                const DeleteOptions& options = {}) {
        const auto removed = cluster_.remove(resource, {"default", name}, options);
        REQUIRE(removed.has_value());
    }
    void set_image(const std::string& name, const std::string& image) {
        patch(resources::deployments,
              name,
              JsonArray{Json{{"op", "replace"},
                             {"path", "/spec/template/spec/containers/0/image"},
                             {"value", image}}},
              PatchKind::json);
    }

    std::vector<ObjectPtr> list(const Resource& resource) {
        return cluster_.list(resource, "default");
    }
    std::vector<ObjectPtr> pods() { return list(resources::pods); }
    // "spec/status.replicas/available" of each ReplicaSet, the oldest revision first.
    std::vector<std::string> sizes() {
        auto sets = list(resources::replica_sets);
        std::ranges::sort(sets, {}, [](const ObjectPtr& set) {
            return std::string(
                text_at(*set, {"metadata", "annotations", "deployment.kubernetes.io/revision"}));
        });
        std::vector<std::string> all;
        for (const auto& set : sets) {
            all.push_back(
                std::to_string(integer_at(*set, {"spec", "replicas"}).value_or(-1)) + "/" +
                std::to_string(integer_at(*set, {"status", "replicas"}).value_or(0)) + "/" +
                std::to_string(integer_at(*set, {"status", "availableReplicas"}).value_or(0)));
        }
        return all;
    }
    // "reason: message" of the Events about objects of that kind, in the order of their names.
    std::vector<std::string> events(std::string_view kind) {
        auto all = list(resources::events);
        std::ranges::sort(all, {}, [](const ObjectPtr& event) {
            const auto name = kube::key_of(*event).name;
            return name.substr(name.rfind('.'));
        });
        std::vector<std::string> texts;
        for (const auto& event : all) {
            if (text_at(*event, {"involvedObject", "kind"}) != kind) continue;
            texts.push_back(std::string(text_at(*event, {"reason"})) + ": " +
                            std::string(text_at(*event, {"message"})));
        }
        return texts;
    }
    // status and reason of a Deployment's condition.
    std::string condition(const std::string& name, std::string_view type) {
        const auto deployment = get(resources::deployments, name);
        for (const auto& condition : array_at(deployment, {"status", "conditions"})) {
            if (text_at(condition, {"type"}) != type) continue;
            return std::string(text_at(condition, {"status"})) + " " +
                   std::string(text_at(condition, {"reason"}));
        }
        return "";
    }

   private:
    boost::asio::io_context context_;
    VirtualClock clock_;
    SeededRandom random_;
    Cluster cluster_;
    ScriptedRuntime runtime_;
    std::optional<ContainerLogs> logs_;
    std::optional<WorkloadControllers> controllers_;
    std::optional<Kubelet> kubelet_;
};

struct DeploymentSpec {
    std::string name = "web";
    std::string image = "demo:1";
    std::int64_t replicas = 2;
    Json strategy = nullptr;
    Json extra = JsonObject{};      // merged into spec
    Json container = JsonObject{};  // merged into the container
};

inline Json a_deployment(const DeploymentSpec& how = {}) {
    Json container = {{"name", "web"}, {"image", how.image}};
    apply_merge_patch(container, how.container);
    Json labels = {{"app", how.name}};
    Json deployment = {
        {"apiVersion", "apps/v1"},
        {"kind", "Deployment"},
        {"metadata", {{"name", how.name}, {"namespace", "default"}, {"labels", labels}}},
        {"spec",
         {{"replicas", how.replicas},
          {"selector", {{"matchLabels", labels}}},
          {"template",
           {{"metadata", {{"labels", labels}}},
            {"spec", {{"containers", JsonArray{container}}}}}}}}};
    if (!how.strategy.is_null()) put(deployment, {"spec", "strategy"}, how.strategy);
    apply_merge_patch(*find(deployment, {"spec"}), how.extra);
    return deployment;
}

inline Json a_service(const std::string& name, const std::string& app) {
    return {{"apiVersion", "v1"},
            {"kind", "Service"},
            {"metadata", {{"name", name}, {"namespace", "default"}}},
            {"spec",
             {{"selector", {{"app", app}}},
              {"ports", JsonArray{Json{{"port", 80}, {"targetPort", 9898}}}}}}};
}

}  // namespace sluice::lab::testing
