#include "lab/apiserver/tables.hpp"

#include "an_api.hpp"

namespace sluice::lab {

namespace {

constexpr std::string_view an_hour_ago = "2026-01-25T19:00:00Z";

Json cells_of(const Resource& resource, std::string_view object_text) {
    KindTable kinds;
    const auto* kind = kinds.find(resource);
    REQUIRE(kind != nullptr);
    const TableView view(*kind, kind->storage());
    auto object = std::make_shared<Json>(json(object_text));
    put(*object, {"metadata", "creationTimestamp"}, Json(an_hour_ago));
    const auto table = view.table(
        {object}, JsonObject{}, IncludeObject::none, parse_rfc3339("2026-01-25T20:00:00Z").value());
    return array_at(table, {"rows"}).at(0).at("cells");
}

Json pod_cells(std::string_view status,
               std::string_view spec = R"({"containers":[{"name":"c"}]})") {
    return cells_of(
        kube::resources::pods,
        fmt::format(R"({{"metadata":{{"name":"p"}},"spec":{},"status":{}}})", spec, status));
}

std::string pod_status(std::string_view status,
                       std::string_view spec = R"({"containers":[{"name":"c"}]})") {
    return std::string(pod_cells(status, spec).at(2).as_string());
}

}  // namespace

TEST_CASE("a table has columns, rows, and of each object the metadata") {
    AnApi api;
    api.create(kube::resources::deployments, to_text(a_deployment()));
    api.clock.run_for(std::chrono::seconds{5});
    const std::string path = "/apis/apps/v1/namespaces/default/deployments";
    const auto table = api.get_table(path);
    CHECK(text_at(table, {"kind"}) == "Table");
    CHECK(text_at(table, {"apiVersion"}) == "meta.k8s.io/v1");
    CHECK(text_at(table, {"metadata", "resourceVersion"}) ==
          std::to_string(api.cluster.revision()));
    const auto& columns = array_at(table, {"columnDefinitions"});
    REQUIRE(columns.size() == 8);
    CHECK(columns[0] == json(R"({"name":"Name","type":"string","format":"name",
                                 "description":"","priority":0})"));
    CHECK(text_at(columns[5], {"name"}) == "Containers");
    CHECK(integer_at(columns[5], {"priority"}) == 1);
    const auto& rows = array_at(table, {"rows"});
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].at("cells") == json(R"(["web","0/1",0,0,"5s","web","demo:1","app=web"])"));
    CHECK(text_at(rows[0], {"object", "kind"}) == "PartialObjectMetadata");
    CHECK(text_at(rows[0], {"object", "metadata", "name"}) == "web");

    const auto whole = api.get_table(path + "?includeObject=Object");
    CHECK(find(array_at(whole, {"rows"}).at(0), {"object", "spec", "template"}) != nullptr);
    const auto bare = api.get_table(path + "?includeObject=None");
    CHECK(find(array_at(bare, {"rows"}).at(0), {"object"}) == nullptr);
    const auto one = api.get_table(path + "/web");
    CHECK(array_at(one, {"rows"}).size() == 1);
}

TEST_CASE("a pod's row counts ready containers and restarts, and says where it runs") {
    CHECK(pod_cells(R"({"phase":"Running","podIP":"127.64.0.3","containerStatuses":[
                         {"name":"c","ready":true,"restartCount":3,"state":{"running":{}},
                          "lastState":{"terminated":{"finishedAt":"2026-01-25T19:59:48Z"}}}]})",
                    R"({"nodeName":"lab-1","containers":[{"name":"c"},{"name":"d"}]})") ==
          json(R"J(["p","1/2","Running","3 (12s ago)","60m","127.64.0.3","lab-1","<none>",
                   "<none>"])J"));
    CHECK(pod_cells(R"({"phase":"Pending","conditions":[{"type":"g","status":"True"}]})",
                    R"({"containers":[{"name":"c"}],
                        "readinessGates":[{"conditionType":"g"},{"conditionType":"h"}]})") ==
          json(R"(["p","0/1","Pending","0","60m","<none>","<none>","<none>","1/2"])"));
}

TEST_CASE("a pod's status is what most holds it up") {
    CHECK(pod_status(R"({"phase":"Pending"})") == "Pending");
    CHECK(pod_status(R"({"phase":"Failed","reason":"Evicted"})") == "Evicted");
    CHECK(pod_status(R"({"phase":"Pending","containerStatuses":[
              {"state":{"waiting":{"reason":"ImagePullBackOff"}}}]})") == "ImagePullBackOff");
    CHECK(pod_status(R"({"phase":"Running","containerStatuses":[
              {"state":{"terminated":{"reason":"Error","exitCode":1}}}]})") == "Error");
    CHECK(pod_status(R"({"phase":"Running","containerStatuses":[
              {"state":{"terminated":{"exitCode":7}}}]})") == "ExitCode:7");
    CHECK(pod_status(R"({"phase":"Running","containerStatuses":[
              {"state":{"terminated":{"exitCode":137,"signal":9}}}]})") == "Signal:9");
    // From the last to the first: the first container's word counts.
    CHECK(pod_status(R"({"phase":"Running","containerStatuses":[
              {"state":{"waiting":{"reason":"CrashLoopBackOff"}}},
              {"state":{"terminated":{"reason":"Error"}}}]})") == "CrashLoopBackOff");
    constexpr std::string_view half_done = R"({{"phase":"Running",
        "conditions":[{{"type":"Ready","status":"{}"}}],"containerStatuses":[
        {{"state":{{"terminated":{{"reason":"Completed"}}}}}},
        {{"ready":true,"state":{{"running":{{}}}}}}]}})";
    CHECK(pod_status(fmt::format(fmt::runtime(half_done), "True")) == "Running");
    CHECK(pod_status(fmt::format(fmt::runtime(half_done), "False")) == "NotReady");
    CHECK(pod_status(R"({"phase":"Pending","conditions":[
              {"type":"PodScheduled","status":"False","reason":"SchedulingGated"}]})") ==
          "SchedulingGated");
}

TEST_CASE("a pod that is still initializing says how far it is") {
    constexpr std::string_view spec =
        R"({"containers":[{"name":"c"}],"initContainers":[{"name":"a"},{"name":"b"}]})";
    CHECK(pod_status(R"({"phase":"Pending","initContainerStatuses":[
              {"name":"a","state":{"terminated":{"exitCode":0}}},
              {"name":"b","state":{"running":{}}}]})",
                     spec) == "Init:1/2");
    CHECK(pod_status(R"({"phase":"Pending","initContainerStatuses":[
              {"name":"a","state":{"waiting":{"reason":"ErrImagePull"}}}]})",
                     spec) == "Init:ErrImagePull");
    CHECK(pod_status(R"({"phase":"Pending","initContainerStatuses":[
              {"name":"a","state":{"terminated":{"exitCode":3}}}]})",
                     spec) == "Init:ExitCode:3");
    CHECK(pod_status(R"({"phase":"Pending","initContainerStatuses":[
              {"name":"a","state":{"waiting":{"reason":"PodInitializing"}}}]})",
                     spec) == "Init:0/2");
}

TEST_CASE("a pod that is being deleted is Terminating") {
    const auto cells =
        cells_of(kube::resources::pods,
                 R"({"metadata":{"name":"p","deletionTimestamp":"2026-01-25T20:00:00Z"},
            "spec":{"containers":[{"name":"c"}]},"status":{"phase":"Running"}})");
    CHECK(cells.at(2) == "Terminating");
}

TEST_CASE("a Service's row shows its addresses and ports") {
    CHECK(
        cells_of(kube::resources::services,
                 R"({"metadata":{"name":"s"},"spec":{"type":"ClusterIP","clusterIPs":["127.96.0.1"],
                       "selector":{"b":"2","a":"1"},
                       "ports":[{"port":80,"protocol":"TCP"},
                                {"port":53,"nodePort":30053,"protocol":"UDP"}]}})") ==
        json(R"(["s","ClusterIP","127.96.0.1","<none>","80/TCP,53:30053/UDP","60m","a=1,b=2"])"));
    CHECK(cells_of(
              kube::resources::services,
              R"({"metadata":{"name":"s"},"spec":{"type":"LoadBalancer","clusterIP":"None"}})") ==
          json(R"(["s","LoadBalancer","None","<pending>","<none>","60m","<none>"])"));
    CHECK(cells_of(kube::resources::services,
                   R"({"metadata":{"name":"s"},
                       "spec":{"type":"ExternalName","externalName":"example.com"}})") ==
          json(R"(["s","ExternalName","<none>","example.com","<none>","60m","<none>"])"));
}

TEST_CASE("Endpoints and EndpointSlices show three addresses and count the rest") {
    CHECK(cells_of(kube::resources::endpoints,
                   R"({"metadata":{"name":"e"},"subsets":[{"addresses":[{"ip":"1.1.1.1"},
                       {"ip":"1.1.1.2"},{"ip":"1.1.1.3"},{"ip":"1.1.1.4"}],
                       "ports":[{"port":80}]}]})") ==
          json(R"(["e","1.1.1.1:80,1.1.1.2:80,1.1.1.3:80 + 1 more...","60m"])"));
    CHECK(cells_of(kube::resources::endpoints, R"({"metadata":{"name":"e"}})") ==
          json(R"(["e","<none>","60m"])"));
    CHECK(cells_of(kube::resources::endpoint_slices,
                   R"({"metadata":{"name":"e"},"addressType":"IPv4","ports":[{"port":8080},{}],
                       "endpoints":[{"addresses":["1.1.1.1"]},{"addresses":["1.1.1.2"]}]})") ==
          json(R"(["e","IPv4","8080,<unset>","1.1.1.1,1.1.1.2","60m"])"));
}

TEST_CASE("an autoscaler's row sets what is against what is wanted") {
    const auto targets = [](std::string_view metrics, std::string_view current = "[]") {
        return cells_of(kube::resources::horizontal_pod_autoscalers,
                        fmt::format(R"({{"metadata":{{"name":"h"}},
                            "spec":{{"scaleTargetRef":{{"kind":"Deployment","name":"web"}},
                                     "maxReplicas":5,"metrics":{}}},
                            "status":{{"currentReplicas":2,"currentMetrics":{}}}}})",
                                    metrics,
                                    current));
    };
    constexpr std::string_view cpu =
        R"([{"type":"Resource","resource":{"name":"cpu","target":{"averageUtilization":80}}}])";
    CHECK(targets(cpu) ==
          json(R"(["h","Deployment/web","cpu: <unknown>/80%","<unset>",5,2,"60m"])"));
    CHECK(targets(cpu,
                  R"([{"type":"Resource","resource":{"name":"cpu",
                       "current":{"averageUtilization":10}}}])")
              .at(2) == "cpu: 10%/80%");
    CHECK(targets(R"([{"type":"Resource","resource":{"name":"cpu",
                       "target":{"averageValue":"100m"}}}])",
                  R"([{"type":"Resource","resource":{"current":{"averageValue":"10m"}}}])")
              .at(2) == "cpu: 10m/100m");
    CHECK(targets(R"([{"type":"External","external":{"target":{"averageValue":"5"}}}])").at(2) ==
          "<unknown>/5 (avg)");
    CHECK(targets("[]").at(2) == "<none>");
}

TEST_CASE("nodes, Jobs, Events and other kinds have rows of their own") {
    CHECK(cells_of(kube::resources::nodes,
                   R"({"metadata":{"name":"lab-1","labels":{"node-role.kubernetes.io/worker":"",
                                   "node-role.kubernetes.io/control-plane":""}},
                       "spec":{"unschedulable":true},
                       "status":{"conditions":[{"type":"Ready","status":"True"}],
                                 "addresses":[{"type":"InternalIP","address":"127.0.0.1"}],
                                 "nodeInfo":{"kubeletVersion":"v1.32.4"}}})") ==
          json(R"(["lab-1","Ready,SchedulingDisabled","control-plane,worker","60m","v1.32.4",
                   "127.0.0.1","<none>","<unknown>","<unknown>","<unknown>"])"));
    CHECK(cells_of(kube::resources::jobs,
                   R"({"metadata":{"name":"j"},"spec":{"completions":1,"template":{"spec":{
                         "containers":[{"name":"c","image":"i:1"}]}}},
                       "status":{"succeeded":1,"startTime":"2026-01-25T19:00:00Z",
                                 "completionTime":"2026-01-25T19:00:07Z",
                                 "conditions":[{"type":"Complete","status":"True"}]}})") ==
          json(R"(["j","Complete","1/1","7s","60m","c","i:1","<none>"])"));
    CHECK(cells_of(kube::resources::events,
                   R"({"metadata":{"name":"e"},"type":"Warning","reason":"Synced",
                       "involvedObject":{"kind":"Canary","name":"web"},"message":"Halt\n",
                       "source":{"component":"flagger"},"count":2,
                       "firstTimestamp":"2026-01-25T19:50:00Z",
                       "lastTimestamp":"2026-01-25T19:59:50Z"})") ==
          json(R"(["10s","Warning","Synced","canary/web","","flagger","Halt","10m",2,"e"])"));
    CHECK(cells_of(kube::resources::leases,
                   R"({"metadata":{"name":"l"},"spec":{"holderIdentity":"me"}})") ==
          json(R"(["l","me","60m"])"));
    CHECK(cells_of(kube::resources::secrets,
                   R"({"metadata":{"name":"s"},"type":"Opaque","data":{"a":"","b":""}})") ==
          json(R"(["s","Opaque",2,"60m"])"));
    CHECK(cells_of(kube::resources::custom_resource_definitions, R"({"metadata":{"name":"c"}})") ==
          json(R"(["c","2026-01-25T19:00:00Z"])"));
    CHECK(cells_of(kube::resources::controller_revisions,
                   R"({"metadata":{"name":"r","ownerReferences":[{"apiVersion":"apps/v1",
                         "kind":"DaemonSet","name":"d","controller":true}]},"revision":2})") ==
          json(R"(["r","daemonset.apps/d",2,"60m"])"));
}

TEST_CASE("a custom resource's cells follow its printer columns") {
    Kind kind;
    kind.custom = true;
    kind.resource = {"flagger.app", "v1beta1", "canaries", "Canary", true};
    KindVersion version;
    version.columns = {{"Status", "string", "", "", 0, ".status.phase"},
                       {"Weight", "string", "", "", 0, ".status.canaryWeight"},
                       {"Suspended", "boolean", "", "", 1, ".spec.suspend"},
                       {"StepWeights", "string", "", "", 1, ".spec.analysis.stepWeights"},
                       {"Count", "integer", "", "", 0, ".spec.count"},
                       {"Share", "number", "", "", 0, ".spec.share"},
                       {"LastTransitionTime", "date", "", "", 0, ".status.lastTransitionTime"},
                       {"Broken", "date", "", "", 0, ".status.phase"}};
    const TableView view(kind, version);
    const auto table = view.table(
        {std::make_shared<Json>(json(
             R"({"metadata":{"name":"web"},"spec":{"suspend":true,"count":2.9,"share":0.5,
                   "analysis":{"stepWeights":[1,2]}},
                 "status":{"phase":"Progressing","canaryWeight":20,
                           "lastTransitionTime":"2026-01-25T19:59:30Z"}})")),
         std::make_shared<Json>(json(R"({"metadata":{"name":"new"}})"))},
        JsonObject{},
        IncludeObject::none,
        parse_rfc3339("2026-01-25T20:00:00Z").value());
    const auto& rows = array_at(table, {"rows"});
    CHECK(rows.at(0).at("cells") ==
          json(R"(["web","Progressing","20",true,"[1,2]",2,0.5,"30s","<invalid>"])"));
    CHECK(rows.at(1).at("cells") == json(R"(["new",null,null,null,null,null,null,null,null])"));
    CHECK(text_at(array_at(table, {"columnDefinitions"}).at(1), {"description"}) ==
          "Custom resource definition column (in JSONPath format): .status.phase");
    CHECK(integer_at(array_at(table, {"columnDefinitions"}).at(3), {"priority"}) == 1);
}

TEST_CASE("a custom resource without columns shows its age") {
    Kind kind;
    kind.custom = true;
    const TableView view(kind, {});
    const auto table = view.table({std::make_shared<Json>(json(
                                      R"({"metadata":{"name":"w",
                                          "creationTimestamp":"2026-01-25T19:00:00Z"}})"))},
                                  JsonObject{},
                                  IncludeObject::none,
                                  parse_rfc3339("2026-01-25T20:00:00Z").value());
    CHECK(array_at(table, {"rows"}).at(0).at("cells") == json(R"(["w","60m"])"));
    CHECK(text_at(array_at(table, {"columnDefinitions"}).at(1), {"type"}) == "date");
}

TEST_CASE("events are listed from the oldest seen to the newest") {
    AnApi api;
    for (const auto& [name, time] : {std::pair("b", "2026-01-25T19:00:00Z"),
                                     std::pair("c", "2026-01-25T18:00:00Z"),
                                     std::pair("a", "2026-01-25T19:30:00Z")}) {
        api.create(kube::resources::events,
                   fmt::format(R"({{"metadata":{{"name":"{}","namespace":"default"}},
                                    "involvedObject":{{"kind":"Pod","name":"p"}},
                                    "type":"Normal","reason":"R","message":"{}",
                                    "lastTimestamp":"{}"}})",
                               name,
                               name,
                               time));
    }
    const auto table = api.get_table("/api/v1/namespaces/default/events");
    std::string order;
    for (const auto& row : array_at(table, {"rows"})) {
        order += std::string(row.at("cells").at(6).as_string());
    }
    CHECK(order == "cba");
    const auto view = api.get_table("/apis/events.k8s.io/v1/namespaces/default/events");
    CHECK(array_at(view, {"rows"}).size() == 3);
    CHECK(array_at(view, {"rows"}).at(0).at("cells") ==
          array_at(table, {"rows"}).at(0).at("cells"));
    const auto list = api.get_json("/apis/events.k8s.io/v1/namespaces/default/events");
    CHECK(text_at(list, {"apiVersion"}) == "events.k8s.io/v1");
    CHECK(text_at(array_at(list, {"items"}).at(0), {"note"}) == "a");
}

}  // namespace sluice::lab
