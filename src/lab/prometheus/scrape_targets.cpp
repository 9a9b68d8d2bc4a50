#include "lab/prometheus/scrape_targets.hpp"

#include "base/core/text.hpp"
#include "lab/prometheus/whole_file.hpp"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

#include <charconv>

namespace sluice::lab {
namespace {

namespace resources = kube::resources;

std::string_view annotation(const Json& pod, std::string_view name) {
    return text_at(pod, {"metadata", "annotations", name});
}

std::optional<std::uint16_t> port_of(const Json& pod) {
    const auto asked = annotation(pod, "prometheus.io/port");
    if (!asked.empty()) {
        std::uint16_t port = 0;
        const auto* begin = asked.data();
        const auto* end = begin + asked.size();
        const auto read = std::from_chars(begin, end, port);
        return read.ec == std::errc{} && read.ptr == end && port != 0 ? std::optional(port)
                                                                      : std::nullopt;
    }
    for (const auto& container : array_at(pod, {"spec", "containers"})) {
        for (const auto& port : array_at(container, {"ports"})) {
            if (text_at(port, {"protocol"}, "TCP") != "TCP") continue;
            if (const auto number = integer_at(port, {"containerPort"}))
                return static_cast<std::uint16_t>(*number);
        }
    }
    return std::nullopt;
}

// As Prometheus' own labelmap writes it: "app_kubernetes_io_name".
std::string label_name(std::string_view text) {
    std::string name;
    for (const char c : text) {
        const bool fits =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        name += fits ? c : '_';
    }
    if (!name.empty() && name[0] >= '0' && name[0] <= '9') name.insert(0, "_");
    return name;
}

}  // namespace

std::optional<Json> scrape_target(const Json& pod) {
    if (annotation(pod, "prometheus.io/scrape") != "true") return std::nullopt;
    if (annotation(pod, "inject.istio.io/templates").starts_with("gateway")) return std::nullopt;
    const auto ip = text_at(pod, {"status", "podIP"});
    const auto phase = text_at(pod, {"status", "phase"});
    if (ip.empty() || phase == "Succeeded" || phase == "Failed") return std::nullopt;
    if (find(pod, {"metadata", "deletionTimestamp"}) != nullptr) return std::nullopt;
    const auto port = port_of(pod);
    if (!port) return std::nullopt;

    JsonObject labels;
    for (const auto& label : object_at(pod, {"metadata", "labels"}))
        labels[label_name(label.key())] = label.value();
    labels["namespace"] = text_at(pod, {"metadata", "namespace"});
    labels["pod"] = text_at(pod, {"metadata", "name"});
    // As the scrape configurations name them that Flagger's built-in queries were written for.
    labels["kubernetes_namespace"] = labels["namespace"];
    labels["kubernetes_pod_name"] = labels["pod"];
    std::string path(annotation(pod, "prometheus.io/path"));
    if (path.empty()) path = "/metrics";
    if (!path.starts_with('/')) path.insert(0, "/");
    labels["__metrics_path__"] = path;
    return Json{{"targets", JsonArray{Json(fmt::format("{}:{}", ip, *port))}},
                {"labels", std::move(labels)}};
}

struct ScrapeTargets::State : std::enable_shared_from_this<State> {
    State(Executor where, std::string path) : control(std::move(where)), file(std::move(path)) {}

    Executor control;
    std::string file;
    std::map<kube::ObjectKey, Json> targets;
    Subscription pods;
    bool will_write = false;

    void on_pod(const Change& change) {
        const auto key = kube::key_of(*change.object);
        auto target =
            change.kind == ChangeKind::deleted ? std::nullopt : scrape_target(*change.object);
        const auto known = targets.find(key);
        if (!target) {
            if (known == targets.end()) return;
            targets.erase(known);
        } else {
            if (known != targets.end() && known->second == *target) return;
            targets[key] = std::move(*target);
        }
        write_soon();
    }

    // Once for all changes that come together.
    void write_soon() {
        if (std::exchange(will_write, true)) return;
        boost::asio::post(control, [weak = weak_from_this()] {
            if (const auto state = weak.lock()) state->write();
        });
    }

    void write() {
        will_write = false;
        JsonArray all;
        for (const auto& [key, target] : targets) all.push_back(target);
        // What cannot be written is not scraped; Prometheus shows its targets.
        (void)write_whole_file(file, to_text(Json(std::move(all))));
    }
};

ScrapeTargets::ScrapeTargets(Executor control, Cluster& cluster, std::string file)
    : state_(std::make_shared<State>(std::move(control), std::move(file))) {
    state_->pods = cluster.watch(
        resources::pods, [state = state_.get()](const Change& change) { state->on_pod(change); });
}

ScrapeTargets::~ScrapeTargets() {
    state_->pods = {};
}

}  // namespace sluice::lab
