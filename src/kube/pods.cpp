#include "kube/pods.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace sluice::kube {
namespace {

// A pull's message says at its end what is wrong, and at its beginning of which image: both stay.
constexpr std::size_t length_max = 200;
constexpr std::size_t tail = 70;

bool goes_on(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

std::string one_line(std::string_view text) {
    std::string line;
    for (const char c : text) {
        const bool is_blank = static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
        if (!is_blank) {
            line += c;
        } else if (!line.empty() && line.back() != ' ') {
            line += ' ';
        }
    }
    line = trimmed(line);
    if (line.size() <= length_max) return line;
    auto begin = length_max - tail - std::string_view(" … ").size();
    while (begin > 0 && goes_on(line[begin])) --begin;
    auto end = line.size() - tail;
    while (end < line.size() && goes_on(line[end])) ++end;
    return fmt::format("{} … {}", trimmed(line.substr(0, begin)), trimmed(line.substr(end)));
}

// Of the container runtime: "rpc error: code = NotFound desc = failed to pull …".
std::string_view without_rpc(std::string_view message) {
    constexpr std::string_view mark = " desc = ";
    const auto at = message.find(mark);
    if (!message.starts_with("rpc error: code = ") || at == std::string_view::npos) return message;
    return message.substr(at + mark.size());
}

std::string with_message(std::string_view reason, std::string_view message) {
    message = trimmed(without_rpc(message));
    if (reason.empty() || message.empty()) return std::string(reason.empty() ? message : reason);
    return fmt::format("{}: {}", reason, message);
}

// "OOMKilled (exit code 137)", "exit code 1: no such file".
std::string end_of(const Json& terminated) {
    const auto reason = text_at(terminated, {"reason"});
    const auto code = integer_at(terminated, {"exitCode"});
    const auto message = text_at(terminated, {"message"});
    std::string text(reason == "Error" || reason == "Completed" ? std::string_view{} : reason);
    if (code) {
        text = text.empty() ? fmt::format("exit code {}", *code)
                            : fmt::format("{} (exit code {})", text, *code);
    }
    return with_message(text, message);
}

// "OOMKilled, exit code 137".
std::string end_in_short(const Json& terminated) {
    std::vector<std::string> parts;
    const auto reason = text_at(terminated, {"reason"});
    if (!reason.empty() && reason != "Error" && reason != "Completed") parts.emplace_back(reason);
    if (const auto code = integer_at(terminated, {"exitCode"})) {
        parts.push_back(fmt::format("exit code {}", *code));
    }
    return joined(parts, ", ");
}

// Why a pod waits: what it has in common with others that wait for the same, and the words.
struct Plight {
    std::string kind;
    std::string text;
    std::string kept = {};      // empty: as the text
    std::string in_short = {};  // empty: as what is kept

    explicit operator bool() const { return !text.empty(); }
    const std::string& in(Words words) const {
        if (words == Words::in_short && !in_short.empty()) return in_short;
        return words == Words::all || kept.empty() ? text : kept;
    }
};

bool is_usual(std::string_view reason) {
    return reason == "ContainerCreating" || reason == "PodInitializing";
}

bool is_of_image(std::string_view reason) {
    return reason == "ImagePullBackOff" || reason == "ErrImagePull" ||
           reason == "InvalidImageName" || reason == "ErrImageNeverPull" ||
           reason == "ImageInspectError";
}

// "ImagePullBackOff of web:2".
std::string in_short(std::string_view reason, const Json& container) {
    const auto image = text_at(container, {"image"});
    if (is_of_image(reason) && !image.empty()) return fmt::format("{} of {}", reason, image);
    return std::string(reason);
}

// What is wrong with a container, as its runtime says it.
Plight plight_of(const Json& container) {
    const auto waiting = text_at(container, {"state", "waiting", "reason"});
    if (!waiting.empty() && !is_usual(waiting)) {
        const auto* ended = find(container, {"lastState", "terminated"});
        // Its own message names the pod and how long it is held back.
        if (waiting == "CrashLoopBackOff" && ended != nullptr) {
            const auto end = end_in_short(*ended);
            return {std::string(waiting),
                    with_message(waiting, end_of(*ended)),
                    end.empty() ? std::string(waiting) : fmt::format("{} ({})", waiting, end)};
        }
        // A pull is tried, and held back, by turns.
        const bool is_pull = waiting == "ImagePullBackOff";
        auto text = with_message(waiting, text_at(container, {"state", "waiting", "message"}));
        auto brief = in_short(waiting, container);
        // Which ConfigMap, or which of its keys.
        const bool names = waiting == "CreateContainerConfigError";
        return {.kind = is_pull ? "ErrImagePull" : std::string(waiting),
                .text = text,
                .kept = names ? text : brief,
                .in_short = brief};
    }
    const auto* ended = find(container, {"state", "terminated"});
    if (ended == nullptr || text_at(*ended, {"reason"}) == "Completed") return {};
    return {
        "terminated", "it has ended: " + end_of(*ended), "it has ended: " + end_in_short(*ended)};
}

// A container that runs, or is yet to.
Plight patience_of(const Json& container) {
    if (const auto waiting = text_at(container, {"state", "waiting", "reason"}); !waiting.empty()) {
        return {.kind = std::string(waiting),
                .text = with_message(waiting, text_at(container, {"state", "waiting", "message"})),
                .in_short = std::string(waiting)};
    }
    if (find(container, {"state", "running"}) == nullptr || bool_at(container, {"ready"}) != false)
        return {};
    const std::string probe = bool_at(container, {"started"}) == false ? "startup" : "readiness";
    const auto text = fmt::format("its {} probe does not pass", probe);
    const auto* ended = find(container, {"lastState", "terminated"});
    if (ended == nullptr) return {probe, text};
    return {probe,
            fmt::format("{}; it was restarted after {}", text, end_of(*ended)),
            fmt::format("{}; it was restarted after {}", text, end_in_short(*ended))};
}

Plight of_containers(const Json& pod, Plight (*look)(const Json& container)) {
    for (const auto* list : {"initContainerStatuses", "containerStatuses"}) {
        const auto& containers = array_at(pod, {"status", list});
        const bool is_init = list == std::string_view("initContainerStatuses");
        for (const auto& container : containers) {
            auto plight = look(container);
            if (!plight) continue;
            if (is_init || containers.size() > 1) {
                const auto name = fmt::format(
                    "{}container {}: ", is_init ? "init " : "", text_at(container, {"name"}));
                for (auto* words : {&plight.text, &plight.kept, &plight.in_short}) {
                    if (!words->empty()) words->insert(0, name);
                }
            }
            return plight;
        }
    }
    return {};
}

Plight of(const Json& condition) {
    const auto reason = text_at(condition, {"reason"});
    return {.kind = std::string(reason),
            .text = one_line(with_message(reason, text_at(condition, {"message"}))),
            .in_short = std::string(reason)};
}

Plight of_condition(const Json& pod, std::string_view type) {
    for (const auto& condition : array_at(pod, {"status", "conditions"})) {
        if (text_at(condition, {"type"}) != type || text_at(condition, {"status"}) != "False") {
            continue;
        }
        return of(condition);
    }
    return {};
}

// An init container that runs holds the others up; one that is to stay says so by being ready.
Plight of_initialization(const Json& pod) {
    for (const auto& container : array_at(pod, {"status", "initContainerStatuses"})) {
        if (find(container, {"state", "running"}) == nullptr ||
            bool_at(container, {"started"}) == true)
            continue;
        return {"init",
                fmt::format("init container {} has not ended", text_at(container, {"name"}))};
    }
    return {};
}

Plight plight_of_pod(const Json& pod) {
    if (is_ready(pod)) return {};
    if (auto plight = of_condition(pod, "PodScheduled")) return plight;
    if (auto plight = of_containers(pod, plight_of)) return plight;
    if (const auto reason = text_at(pod, {"status", "reason"}); !reason.empty()) {
        return {.kind = std::string(reason),
                .text = with_message(reason, text_at(pod, {"status", "message"})),
                .in_short = std::string(reason)};
    }
    if (auto plight = of_initialization(pod)) return plight;
    if (auto plight = of_containers(pod, patience_of)) return plight;
    return of_condition(pod, "Ready");
}

// Which template it was made from.
std::string_view template_of(const Json& pod) {
    const auto hash = text_at(pod, {"metadata", "labels", "pod-template-hash"});
    return hash.empty() ? text_at(pod, {"metadata", "labels", "controller-revision-hash"}) : hash;
}

// Injected containers stand beside those of the template.
bool has_images_of(const Json& workload, const Json& pod) {
    const auto& running = array_at(pod, {"spec", "containers"});
    return std::ranges::all_of(
        array_at(workload, {"spec", "template", "spec", "containers"}), [&](const Json& wanted) {
            return std::ranges::any_of(running, [&](const Json& container) {
                return text_at(container, {"name"}) == text_at(wanted, {"name"}) &&
                       text_at(container, {"image"}) == text_at(wanted, {"image"});
            });
        });
}

bool runs(const Json& pod) {
    const auto phase = text_at(pod, {"status", "phase"});
    return phase != "Succeeded" && phase != "Failed" &&
           find(pod, {"metadata", "deletionTimestamp"}) == nullptr;
}

// Those with the images of the template, where any has them (a webhook may write others); among
// these the template whose first pod is the youngest. Its ReplicaSet, which would say it, is one
// more kind that a person may not be allowed to read.
std::vector<const Json*> newest_of(const Json& workload, const std::vector<Json>& pods) {
    std::vector<const Json*> all;
    for (const auto& pod : pods) {
        if (runs(pod) && is_selected(workload, pod)) all.push_back(&pod);
    }
    const auto has_images = [&](const Json* pod) { return has_images_of(workload, *pod); };
    if (std::ranges::any_of(all, has_images)) {
        std::erase_if(all, [&](const Json* pod) { return !has_images(pod); });
    }
    std::map<std::string_view, std::string_view> first;
    for (const auto* pod : all) {
        const auto made = text_at(*pod, {"metadata", "creationTimestamp"});
        const auto [place, is_new] = first.try_emplace(template_of(*pod), made);
        if (!is_new) place->second = std::min(place->second, made);
    }
    std::string_view youngest;
    for (const auto& [hash, made] : first) youngest = std::max(youngest, made);
    // Of the same second: neither is known to be the older one.
    std::erase_if(all, [&](const Json* pod) { return first.at(template_of(*pod)) != youngest; });
    std::ranges::sort(all, {}, [](const Json* pod) { return text_at(*pod, {"metadata", "name"}); });
    return all;
}

// Pods that could not even be made: a quota, a webhook that says no.
Plight why_not_made(const Json& workload) {
    for (const auto& condition : array_at(workload, {"status", "conditions"})) {
        if (text_at(condition, {"type"}) == "ReplicaFailure" &&
            text_at(condition, {"status"}) == "True") {
            return of(condition);
        }
    }
    return {};
}

// What most of the pods that are not ready wait for.
struct Most {
    Plight plight;
    std::string pods;  // "2 of 3 pods"
};
std::optional<Most> most_of(const Json& workload, const std::vector<Json>& pods) {
    // In the order of their names; the first of most speaks for all of them.
    std::map<std::string, std::pair<int, Plight>> kinds;
    std::vector<std::string> order;
    int unready = 0;
    for (const auto* pod : newest_of(workload, pods)) {
        if (is_ready(*pod)) continue;
        ++unready;
        auto plight = plight_of_pod(*pod);
        if (!plight) continue;
        const auto kind = plight.kind;
        auto [place, is_new] = kinds.try_emplace(kind, 0, std::move(plight));
        if (is_new) order.push_back(kind);
        ++place->second.first;
    }
    if (order.empty()) return std::nullopt;
    const auto most = std::ranges::max_element(
        order, {}, [&](const std::string& kind) { return kinds.at(kind).first; });
    const auto& [count, plight] = kinds.at(*most);
    const auto of = count == unready ? std::string() : fmt::format(" of {}", unready);
    return Most{plight, fmt::format("{}{} pod{}", count, of, unready == 1 ? "" : "s")};
}

}  // namespace

bool is_ready(const Json& pod) {
    return std::ranges::any_of(array_at(pod, {"status", "conditions"}), [](const Json& condition) {
        return text_at(condition, {"type"}) == "Ready" && text_at(condition, {"status"}) == "True";
    });
}

std::string why_not_ready(const Json& pod) {
    return one_line(plight_of_pod(pod).text);
}

bool is_selected(const Json& workload, const Json& pod) {
    const auto& selector = object_at(workload, {"spec", "selector", "matchLabels"});
    const auto& labels = object_at(pod, {"metadata", "labels"});
    return !selector.empty() && std::ranges::all_of(selector, [&](const auto& wanted) {
        const auto* label = labels.if_contains(wanted.key());
        return label != nullptr && *label == wanted.value();
    });
}

std::string selector_of(const Json& workload) {
    std::vector<std::string> parts;
    for (const auto& label : object_at(workload, {"spec", "selector", "matchLabels"})) {
        if (!label.value().is_string()) continue;
        parts.push_back(fmt::format(
            "{}={}", std::string_view(label.key()), std::string_view(label.value().get_string())));
    }
    return joined(parts, ",");
}

std::string pods_wait_for(const Json& workload, const std::vector<Json>& pods, Words words) {
    const auto most = most_of(workload, pods);
    if (!most) return why_not_made(workload).in(words);
    return fmt::format("{} ({})", one_line(most->plight.in(words)), most->pods);
}

}  // namespace sluice::kube
