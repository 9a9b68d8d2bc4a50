// The live stream: what changes is told at once, and the same thing at most four times a second.
#include "base/core/sha256.hpp"
#include "base/core/text.hpp"
#include "web/answer.hpp"
#include "web/state.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <variant>

namespace sluice::web {
namespace {

using boost::asio::experimental::awaitable_operators::operator||;

constexpr std::size_t topics_max = 16;
constexpr std::size_t topics_length_max = 2000;
constexpr Duration open_limit = std::chrono::seconds{1};
constexpr Duration coalesced = std::chrono::milliseconds{250};
constexpr Duration overview_pause = std::chrono::seconds{1};
constexpr Duration looked_at_again = std::chrono::minutes{1};
constexpr std::size_t events_at_once = 12;  // four times a second: 48

const std::string overview_to_act = "overview/act";
const std::string overview_to_read = "overview/read";

// Of whom something is left out hears of a topic of its own. No name holds such a mark.
constexpr std::array<LeftOut, 4> all_left_out{LeftOut{},
                                              LeftOut{.pods = true},
                                              LeftOut{.events = true},
                                              LeftOut{.pods = true, .events = true}};
std::string detail_topic(const kube::ObjectKey& key, LeftOut left_out) {
    return fmt::format("release:canary/{}/{}{}{}",
                       key.ns,
                       key.name,
                       left_out.pods ? "?pods" : "",
                       left_out.events ? "?events" : "");
}

std::optional<kube::ObjectKey> key_of_topic(std::string_view topic) {
    constexpr std::string_view head = "release:canary/";
    if (!topic.starts_with(head)) return std::nullopt;
    auto rest = topic.substr(head.size());
    rest = rest.substr(0, rest.find('?'));
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == rest.size()) {
        return std::nullopt;
    }
    return kube::ObjectKey{std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1))};
}

// Every detail in that namespace.
std::string details_topic(std::string_view ns) {
    return fmt::format("release:canary/{}/", ns);
}

// `{"now":…,` in front of an object's text.
std::string with_now(Time now, std::string_view object) {
    return fmt::format(R"({{"now":"{}",{})", rfc3339_millis(now), object.substr(1));
}

}  // namespace

std::optional<Refusal> Dashboard::State::add_topic(const Call& call,
                                                   const std::string& topic,
                                                   Topics& topics) {
    const auto& viewer = call.viewer;
    auto& listened = topics.listening.topics;
    const auto own = [&](std::string_view kind) {
        return fmt::format("{}/{}", kind, sha256_hex(call.person->token).substr(0, 16));
    };
    // Of what was asked for by GET: nobody has since it was forgotten, or it is another person's.
    const auto add_asked = [&](const auto& all) {
        const auto found = all.find(topic);
        if (found != all.end() && found->second.viewer.person->token == call.person->token) {
            listened.insert(topic);
            return;
        }
        topics.listening.reset = "topic_gone";
        topics.has_gone = true;
    };
    topics.wants_findings = topics.wants_findings || topic == "overview" || topic == "validations";
    topics.wants_mesh = topics.wants_mesh || topic == "mesh";
    const bool sees_less = !viewer.sees_all || !viewer.pods_of_all || !viewer.events_of_all;
    if (topic == "overview") {
        const bool is_limited = sees_less || (!viewer.writes_all && !viewer.writable.empty());
        const auto shared = viewer.writes_all ? overview_to_act : overview_to_read;
        if (is_limited) own_overviews[own(topic)] = viewer;
        listened.insert(is_limited ? own(topic) : shared);
    } else if (topic == "validations" && (!viewer.sees_all || !viewer.pods_of_all)) {
        own_validations[own(topic)] = viewer;
        listened.insert(own(topic));
    } else if (topic == "mesh" && sees_less) {
        own_meshes[own(topic)] = viewer;
        listened.insert(own(topic));
    } else if (topic == "mesh" || topic == "releases" || topic == "events" ||
               topic == "validations" || topic == "lab") {
        listened.insert(topic);
    } else if (topic.starts_with("tap:")) {
        add_asked(taps);
    } else if (topic.starts_with("topology:")) {
        add_asked(topologies);
    } else if (const auto key = key_of_topic(topic)) {
        if (!viewer.sees(key->ns)) {
            return Refusal{.status = 403,
                           .code = "forbidden",
                           .message = "You may not list canaries in namespace " + key->ns};
        }
        listened.insert(detail_topic(*key, viewer.left_out(key->ns)));
    } else {
        return Refusal{.message =
                           fmt::format("parameter topics: \"{}\" is none", topic.substr(0, 100))};
    }
    return std::nullopt;
}

std::variant<Dashboard::State::Topics, Refusal> Dashboard::State::topics_of(const Call& call) {
    const auto raw = call.asked.raw("topics");
    if (raw.size() > topics_length_max) {
        return Refusal{
            .message = fmt::format("parameter topics: longer than {} bytes", topics_length_max)};
    }
    Topics topics;
    // The whole list may come encoded, each comma too.
    const auto list =
        raw.find(',') == std::string_view::npos ? percent_decoded(raw) : std::string(raw);
    for (const auto& part : split_list(list)) {
        if (auto no = add_topic(call, percent_decoded(part), topics)) return *std::move(no);
    }
    auto& listening = topics.listening;
    const bool is_nothing = listening.topics.empty() && !topics.has_gone;
    if (is_nothing || listening.topics.size() > topics_max) {
        return Refusal{.message = "parameter topics: one to 16 are wanted"};
    }
    const auto header = call.request.headers.get("Last-Event-ID");
    const auto parameter = call.asked.text("lastEventId", 64);
    if (!parameter) return bad_request(parameter.error());
    listening.last_event_id = header ? std::string(header->substr(0, 64)) : *parameter;
    // The process' own token is no person's, however many come with it.
    if (call.person != people.process()) listening.person = call.person->token;
    return topics;
}

Task<net::Response> Dashboard::State::stream(SharedCall call) {
    auto asked = topics_of(*call);
    if (const auto* no = std::get_if<Refusal>(&asked)) co_return refused(*no, call->id);
    auto& topics = std::get<Topics>(asked);
    auto& listening = topics.listening;
    const auto shown = std::make_shared<Viewer>(call->viewer);
    listening.mark = shown.get();
    listening.sees = [shown](const std::string& topic, const std::string& ns) {
        return topic == "events" ? shown->sees_events(ns) : shown->sees(ns);
    };
    listening.writes = [shown](const std::string& ns) { return !shown->verbs(ns).empty(); };
    // What changed before anybody listened is in what is asked for by GET.
    if (hub->heard().empty()) {
        changed.clear();
        changed_details.clear();
        new_events.clear();
    }
    auto reader = hub->listen(std::move(listening),
                              to_text(JsonObject{{"now", rfc3339_millis(outside.clock.now())},
                                                 {"epoch", hub->epoch()},
                                                 {"version", settings.version}}));
    if (!reader) {
        co_return refused({.status = 429,
                           .code = "too_many_streams",
                           .message = reader.error().message,
                           .headers = {{"Retry-After", "10"}}},
                          call->id);
    }
    if (topics.wants_findings && known) validations.open(*known);
    if (topics.wants_mesh && known) open_mesh();
    spawn("watching permissions", watch_permissions(call->person, shown));
    net::Response response;
    response.headers.set("Content-Type", "text/event-stream");
    // Some proxies gather what is not theirs to gather.
    response.headers.set("X-Accel-Buffering", "no");
    put_safety(response.headers);
    if (call->request.method == "GET") response.stream = *std::move(reader);
    co_return response;
}

void Dashboard::State::note_pod(const std::string& ns) {
    bool is_heard = false;
    for (const auto& topic : hub->heard_under(details_topic(ns))) {
        const auto key = key_of_topic(topic);
        if (key) is_heard = changed_details.insert(*key).second || is_heard;
    }
    if (is_heard) wake.notify_all();
}

// One for each time that the cluster is known; ends with it.
Task<> Dashboard::State::pump() {
    const auto here = known;
    std::optional<Time> measured_for_stream;
    while (known == here) {
        if (hub->heard().empty()) {
            changed.clear();
            changed_details.clear();
            new_events.clear();
            dropped_events = 0;
            told_releases.clear();
            co_await wake.wait();
            continue;
        }
        const auto now = outside.clock.now();
        const auto next_measure =
            measured_for_stream ? *measured_for_stream + refresh_of(settings) : now;
        const auto next_overview =
            overview_told ? std::max(now, *overview_told + overview_pause) : now;
        const bool has_news = !changed.empty() || !changed_details.empty() || !new_events.empty() ||
                              validations.is_due(*here) ||
                              (overview_is_due && next_overview <= now);
        if (!has_news && now < next_measure) {
            auto until = overview_is_due ? std::min(next_measure, next_overview) : next_measure;
            until = std::min(until, validations.due(*here).value_or(until));
            co_await (wake.wait() || outside.clock.sleep_until(until));
            continue;
        }
        if (now >= next_measure) {
            measured_for_stream = now;
            co_await measure();
            if (known != here) break;
            // New numbers are news about those under way, and about the mesh.
            changed.merge(releases.take_remeasured());
            overview_is_due = true;
            // It may take a question to the API server, and nothing else waits for that.
            const bool is_mesh_heard = hub->is_heard("mesh") || !own_meshes.empty();
            if (is_mesh_heard && !std::exchange(is_telling_mesh, true)) {
                spawn("telling of the mesh", publish_meshes());
            }
        }
        co_await publish_releases(std::exchange(changed, {}));
        if (known != here) break;
        publish_events();
        co_await validate();
        if (known != here) break;
        // Prometheus may take its time over them, and nothing else waits for that.
        if (!std::exchange(is_drawing, true)) spawn("drawing", draw_topologies());
        if (overview_is_due &&
            (!overview_told || outside.clock.now() >= *overview_told + overview_pause)) {
            co_await build_all();
            if (known != here) break;
            publish_overviews();
        }
        co_await outside.clock.sleep_for(coalesced);
    }
}

Task<> Dashboard::State::draw_topologies() {
    co_await publish_topologies();
    is_drawing = false;
}

// One by one: thousands at once would hold up everybody, and gather where they are read.
Task<> Dashboard::State::publish_releases(std::set<kube::ObjectKey> keys) {
    const auto now = outside.clock.now();
    const std::vector<std::string> none;
    const auto tell = [&](const std::string& topic,
                          std::string_view event,
                          const std::string& ns,
                          const std::string& to_act,
                          const std::string& to_read) {
        const auto act = with_now(now, to_act);
        const auto read = with_now(now, to_read);
        hub->publish(
            {.topic = topic, .event = event, .data = act, .ns = ns, .whom = Hub::For::writers});
        hub->publish(
            {.topic = topic, .event = event, .data = read, .ns = ns, .whom = Hub::For::readers});
    };
    auto details = std::exchange(changed_details, {});
    details.insert(keys.begin(), keys.end());
    for (const auto& key : keys) {
        co_await give_way();
        if (auto* release = releases.find(key)) {
            if (!hub->is_heard("releases")) continue;
            const auto to_act = text_for(*release, all_verbs);
            const auto hash = std::hash<std::string>{}(to_act);
            // What reads as it did is no news.
            if (std::exchange(told_releases[key], hash) == hash) continue;
            tell("releases", "release", key.ns, to_act, text_for(*release, none));
        } else if (const auto deleted = releases.deleted(key)) {
            told_releases.erase(key);
            const auto text = to_text(Json(deleted_json(key, *deleted)));
            std::vector<std::string> topics{"releases"};
            for (const auto& left_out : all_left_out) topics.push_back(detail_topic(key, left_out));
            for (const auto& topic : topics) {
                hub->publish(
                    {.topic = topic, .event = "release-deleted", .data = text, .ns = key.ns});
            }
        }
    }
    for (const auto& key : details) {
        for (const auto& left_out : all_left_out) {
            const auto topic = detail_topic(key, left_out);
            if (!hub->is_heard(topic)) continue;
            auto json = releases.detailed(key);
            if (!json) continue;
            leave_out(*json, left_out);
            const auto to_act = to_text(Json(*json));
            keep_verbs(*json, none);
            tell(topic, "release-detail", key.ns, to_act, to_text(Json(*std::move(json))));
            co_await give_way();
        }
    }
}

void Dashboard::State::publish_overviews() {
    overview_is_due = false;
    overview_told = outside.clock.now();
    const auto tell = [&](const std::string& topic, const Viewer& viewer) {
        if (!hub->is_heard(topic)) return;
        const auto text = to_text(Json(overview_of(viewer, seen_namespaces(viewer, {}))));
        const auto data = with_now(outside.clock.now(), text);
        hub->publish({.topic = topic, .event = "overview", .data = data});
    };
    tell(overview_to_act, Viewer{.person = people.process(), .writes_all = true});
    tell(overview_to_read, Viewer{.person = people.process()});
    std::erase_if(own_overviews, [&](const auto& entry) { return !hub->is_heard(entry.first); });
    for (const auto& [topic, viewer] : own_overviews) tell(topic, viewer);
}

Task<> Dashboard::State::publish_meshes() {
    if (known) co_await known->wait_until_filled(open_limit);
    co_await learn_istio_versions();
    co_await catch_up();
    is_telling_mesh = false;
    std::erase_if(own_meshes, [&](const auto& entry) { return !hub->is_heard(entry.first); });
    std::erase_if(told_meshes, [&](const auto& entry) { return !hub->is_heard(entry.first); });
    const auto tell = [&](const std::string& topic, const Viewer& viewer) {
        if (!known || !hub->is_heard(topic)) return;
        const auto json = mesh_of(viewer);
        // When each cache last heard of the API server is told along, and is no news.
        auto news = json;
        news.erase("caches");
        const auto hash = std::hash<std::string>{}(to_text(Json(std::move(news))));
        const auto [told, is_first] = told_meshes.try_emplace(topic, hash);
        if (std::exchange(told->second, hash) == hash && !is_first) return;
        hub->publish({.topic = topic,
                      .event = "mesh",
                      .data = with_now(outside.clock.now(), to_text(Json(json)))});
    };
    tell("mesh", Viewer{.person = people.process()});
    for (const auto& [topic, viewer] : own_meshes) tell(topic, viewer);
}

void Dashboard::State::publish_events() {
    for (std::size_t told = 0; told < events_at_once && !new_events.empty(); ++told) {
        const auto [ns, text] = std::move(new_events.front());
        new_events.pop_front();
        hub->publish({.topic = "events", .event = "event", .data = text, .ns = ns});
    }
    // More than can be told is not told late: who cares asks again.
    dropped_events += new_events.size();
    new_events.clear();
    if (dropped_events == 0) return;
    const auto text =
        fmt::format(R"({{"topic":"events","count":{}}})", std::exchange(dropped_events, 0));
    hub->publish({.topic = "events", .event = "dropped", .data = text});
}

void Dashboard::State::publish_validations(const Validations::Change& change) {
    const auto tell =
        [&](const std::string& topic, const Validations::News& news, const Validations::Of& seen) {
            if (news.is_none() || !hub->is_heard(topic)) return;
            JsonArray upsert;
            for (const auto& one : news.upsert) upsert.push_back(json_of(one));
            JsonArray remove;
            for (const auto& one : news.remove) remove.emplace_back(one.id);
            const auto text = to_text(JsonObject{{"now", rfc3339_millis(outside.clock.now())},
                                                 {"upsert", std::move(upsert)},
                                                 {"remove", std::move(remove)},
                                                 {"counts", json_of(validations.counts(seen))}});
            hub->publish({.topic = topic, .event = "validation", .data = text, .ns = change.ns});
        };
    tell("validations", change.whole, {});
    std::erase_if(own_validations, [&](const auto& entry) { return !hub->is_heard(entry.first); });
    for (const auto& [topic, viewer] : own_validations) {
        const auto& news = viewer.sees_all ? change.whole : change.plain;
        tell(topic,
             viewer.sees_pods(change.ns) ? news : news.without_pods(),
             findings_of(viewer, seen_namespaces(viewer, {})));
    }
}

// A stream lives long, and what its reader may do changes: it is ended then, and the reader comes
// back as who it has become. Ends with the stream.
Task<> Dashboard::State::watch_permissions(std::shared_ptr<Person> person,
                                           std::weak_ptr<Viewer> shown) {
    while (true) {
        co_await outside.clock.sleep_for(looked_at_again);
        if (shown.expired()) co_return;
        auto now = person;
        if (person != people.process()) {
            const auto found = co_await people.find(person->token);
            if (!found && found.error().kind == ErrorKind::unauthorized) break;
            // Who cannot be asked about is as before.
            if (!found) continue;
            now = *found;
        }
        const auto viewer =
            co_await people.view(now, releases.namespaces(), why_read_only(settings).empty());
        const auto before = shown.lock();
        if (!before) co_return;
        if (viewer.is_whole && !viewer.may_the_same(*before)) break;
    }
    // What was drawn for the person as it was is drawn anew.
    std::erase_if(topologies, [&](const auto& entry) {
        return entry.second.viewer.person->token == person->token;
    });
    std::erase_if(taps, [&](const auto& entry) {
        return entry.second.viewer.person->token == person->token;
    });
    if (const auto mark = shown.lock()) hub->end(mark.get());
}

}  // namespace sluice::web
