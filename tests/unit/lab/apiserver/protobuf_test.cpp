#include "lab/apiserver/protobuf.hpp"

#include "an_api.hpp"

namespace sluice::lab {

namespace {

// A message put together field by field, as the wire has it.
class Wire {
   public:
    Wire& number(std::uint32_t field, std::uint64_t value) {
        varint(field << 3);
        varint(value);
        return *this;
    }
    Wire& bytes(std::uint32_t field, std::string_view value) {
        varint(field << 3 | 2);
        varint(value.size());
        text_ += value;
        return *this;
    }
    Wire& message(std::uint32_t field, const Wire& inner) { return bytes(field, inner.text_); }
    Wire& entry(std::uint32_t field, std::string_view key, std::string_view value) {
        return message(field, Wire().bytes(1, key).bytes(2, value));
    }
    const std::string& text() const { return text_; }

   private:
    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
        text_ += static_cast<char>(value);
    }
    std::string text_;
};

std::string enveloped(std::string_view api_version, std::string_view kind, const Wire& object) {
    Wire envelope;
    envelope.message(1, Wire().bytes(1, api_version).bytes(2, kind))
        .message(2, object)
        .bytes(3, "")
        .bytes(4, "");
    return std::string("k8s\0", 4) + envelope.text();
}

Wire named(std::string_view name) {
    // The empty fields and the empty time are written too, as Kubernetes does.
    return Wire()
        .bytes(1, name)
        .bytes(2, "")
        .bytes(3, "")
        .bytes(4, "")
        .bytes(5, "")
        .bytes(6, "")
        .number(7, 0)
        .message(8, Wire());
}

Json decoded(const std::string& body) {
    const auto object = decode_protobuf(body);
    if (!object) FAIL(object.error().message);
    return *object;
}

std::string refusal(const std::string& body) {
    const auto object = decode_protobuf(body);
    REQUIRE_FALSE(object.has_value());
    return fmt::format("{} {}", object.error().code, object.error().message);
}

}  // namespace

TEST_CASE("a Namespace as kubectl create sends it is read byte for byte") {
    // create ns demo: the envelope, its type, and a message with a name and much that is empty.
    constexpr char bytes[] =
        "k8s\0"
        "\x0a\x0f\x0a\x02v1\x12\x09Namespace"
        "\x12\x1a"
        "\x0a\x14\x0a\x04"
        "demo"
        "\x12\x00\x1a\x00\x22\x00\x2a\x00\x32\x00\x38\x00\x42\x00"
        "\x12\x00\x1a\x00"
        "\x1a\x00\x22\x00";
    const std::string body(bytes, sizeof(bytes) - 1);
    CHECK(decoded(body) ==
          json(R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"demo"}})"));
}

TEST_CASE("a Deployment keeps a zero that was meant and drops one that was not") {
    const Wire container =
        Wire()
            .bytes(1, "demo")
            .bytes(2, "demo:1")
            .bytes(5, "")
            .message(8,
                     Wire().message(2, Wire().bytes(1, "cpu").message(2, Wire().bytes(1, "100m"))))
            .number(16, 0);
    const Wire pod = Wire().message(2, container).bytes(3, "").number(11, 0).message(14, Wire());
    const Wire spec =
        Wire()
            .number(1, 0)
            .message(2, Wire().entry(1, "app", "web"))
            .message(3, Wire().message(1, Wire().entry(11, "app", "web")).message(2, pod))
            .message(4,
                     Wire().bytes(1, "").message(
                         2,
                         Wire()
                             .message(1, Wire().number(1, 0).number(2, 0).bytes(3, ""))
                             .message(2, Wire().number(1, 1).number(2, 0).bytes(3, "25%"))))
            .number(5, 0)
            .number(7, 0);
    CHECK(decoded(enveloped(
              "apps/v1", "Deployment", Wire().message(1, named("web")).message(2, spec))) ==
          json(R"({
        "apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},
        "spec":{"replicas":0,"selector":{"matchLabels":{"app":"web"}},
                "template":{"metadata":{"labels":{"app":"web"}},
                            "spec":{"containers":[{"name":"demo","image":"demo:1",
                                    "resources":{"requests":{"cpu":"100m"}}}]}},
                "strategy":{"rollingUpdate":{"maxUnavailable":0,"maxSurge":"25%"}}}})"));
}

TEST_CASE("DeleteOptions are read in any group") {
    const Wire options = Wire()
                             .number(1, 0)
                             .message(2, Wire().bytes(1, "u-1"))
                             .bytes(4, "Foreground")
                             .bytes(5, "All");
    for (const std::string_view version : {"v1", "apps/v1", "meta.k8s.io/v1"}) {
        auto object = decoded(enveloped(version, "DeleteOptions", options));
        drop(object, {"apiVersion"});
        CHECK(object == json(R"({"kind":"DeleteOptions","gracePeriodSeconds":0,
                                 "preconditions":{"uid":"u-1"},
                                 "propagationPolicy":"Foreground","dryRun":["All"]})"));
    }
}

TEST_CASE("bytes, times, maps and inlined messages come out as their JSON has them") {
    CHECK(decoded(enveloped("v1",
                            "Secret",
                            Wire()
                                .message(1, named("s"))
                                .entry(2, "k", std::string_view("\x00\xff", 2))
                                .bytes(3, "Opaque"))) ==
          json(R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},
                   "data":{"k":"AP8="},"type":"Opaque"})"));
    CHECK(decoded(
              enveloped("coordination.k8s.io/v1",
                        "Lease",
                        Wire()
                            .message(1, named("l"))
                            .message(2,
                                     Wire().bytes(1, "me").number(2, 15).message(
                                         4, Wire().number(1, 1769371200).number(2, 528123000))))) ==
          json(R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l"},
                   "spec":{"holderIdentity":"me","leaseDurationSeconds":15,
                           "renewTime":"2026-01-25T20:00:00.528123Z"}})"));
    const Wire probe = Wire().message(
        1,
        Wire().message(
            2, Wire().bytes(1, "/healthz").message(2, Wire().number(1, 0).number(2, 8080))));
    const Wire volume = Wire().bytes(1, "v").message(2, Wire().message(2, Wire().bytes(1, "")));
    const Wire pod = Wire().message(1, volume).message(2, Wire().bytes(1, "c").message(11, probe));
    CHECK(decoded(enveloped("v1", "Pod", Wire().message(1, named("p")).message(2, pod))) ==
          json(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},
                   "spec":{"volumes":[{"name":"v","emptyDir":{}}],
                           "containers":[{"name":"c","readinessProbe":{"httpGet":
                               {"path":"/healthz","port":8080}}}]}})"));
}

TEST_CASE("a negative number is one") {
    const auto object = decoded(enveloped(
        "apps/v1",
        "Deployment",
        Wire().message(2, Wire().number(1, static_cast<std::uint64_t>(std::int64_t{-1})))));
    CHECK(integer_at(object, {"spec", "replicas"}) == -1);
}

TEST_CASE("what would be lost is refused by name, and what is empty is not missed") {
    CHECK(refusal(enveloped("v1", "Namespace", Wire().bytes(99, "x"))) ==
          "400 the object provided could not be decoded: field 99 of Namespace is not known");
    CHECK(decoded(enveloped("v1", "Namespace", Wire().bytes(99, ""))).as_object().size() == 2);
    CHECK(refusal(enveloped("v1", "Node", Wire())).starts_with("415 "));
}

TEST_CASE("bytes that are no protobuf are refused wherever they break off") {
    CHECK(refusal("").starts_with("400 "));
    CHECK(refusal("{}").starts_with("400 "));
    CHECK(refusal(enveloped("v1", "Namespace", Wire().bytes(1, "\xff\xff"))).starts_with("400 "));
    CHECK(refusal(enveloped("v1", "Namespace", Wire().number(1, 5))).starts_with("400 "));
    CHECK(refusal(enveloped("v1", "ConfigMap", Wire().message(1, Wire().bytes(1, "\xc3\x28"))))
              .starts_with("400 "));
    const auto whole = enveloped("v1", "Namespace", Wire().message(1, named("demo")));
    for (std::size_t length = 0; length < whole.size(); ++length) {
        const auto object = decode_protobuf(std::string_view(whole).substr(0, length));
        if (!object) CHECK((object.error().code == 400 || object.error().code == 415));
    }
}

TEST_CASE("size and depth have limits") {
    const auto body = enveloped("v1", "Namespace", Wire().message(1, named("demo")));
    CHECK(decode_protobuf(body, {.bytes = 10}).error().code == 413);
    CHECK(decode_protobuf(body, {.depth = 0}).error().code == 400);
}

TEST_CASE("a protobuf body makes an object like any other") {
    AnApi api;
    const auto answer = api.ask("POST",
                                "/api/v1/namespaces?fieldManager=kubectl-create",
                                enveloped("v1", "Namespace", Wire().message(1, named("demo"))),
                                {{"Content-Type", "application/vnd.kubernetes.protobuf"}});
    CHECK(answer.status == 201);
    CHECK(answer.headers.get("Content-Type") == "application/json");
    CHECK(text_at(api.get_json("/api/v1/namespaces/demo"), {"status", "phase"}) == "Active");
}

TEST_CASE("DaemonSets, Jobs and ControllerRevisions come in protobuf too") {
    const Wire pod_template =
        Wire()
            .message(1, Wire().entry(11, "app", "a"))
            .message(2,
                     Wire().message(2, Wire().bytes(1, "a").bytes(2, "demo:1")).bytes(3, "Never"));
    const Wire rolling = Wire().message(2, Wire().number(1, 0).number(2, 1));
    const Wire daemon = Wire()
                            .message(1, Wire().entry(1, "app", "a"))
                            .message(2, pod_template)
                            .message(3, Wire().bytes(1, "RollingUpdate").message(2, rolling))
                            .number(6, 0);
    CHECK(decoded(enveloped(
              "apps/v1", "DaemonSet", Wire().message(1, named("a")).message(2, daemon))) ==
          json(R"({"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"a"},"spec":{
            "selector":{"matchLabels":{"app":"a"}},
            "template":{"metadata":{"labels":{"app":"a"}},
                        "spec":{"containers":[{"name":"a","image":"demo:1"}],"restartPolicy":"Never"}},
            "updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}},
            "revisionHistoryLimit":0}})"));
    const Wire job = Wire()
                         .number(1, 2)
                         .number(2, 3)
                         .number(3, 60)
                         .message(6, pod_template)
                         .number(7, 0)
                         .number(8, 0);
    CHECK(decoded(enveloped("batch/v1", "Job", Wire().message(1, named("j")).message(2, job))) ==
          json(R"({"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"j"},"spec":{
            "parallelism":2,"completions":3,"activeDeadlineSeconds":60,
            "template":{"metadata":{"labels":{"app":"a"}},
                        "spec":{"containers":[{"name":"a","image":"demo:1"}],"restartPolicy":"Never"}},
            "backoffLimit":0,"ttlSecondsAfterFinished":0}})"));
    CHECK(decoded(enveloped("apps/v1",
                            "ControllerRevision",
                            Wire()
                                .message(1, named("r"))
                                .message(2, Wire().bytes(1, R"({"spec":{}})"))
                                .number(3, 4))) ==
          json(R"({"apiVersion":"apps/v1","kind":"ControllerRevision","metadata":{"name":"r"},
                   "data":{"spec":{}},"revision":4})"));
}

}  // namespace sluice::lab
