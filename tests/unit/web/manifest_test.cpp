// A release as YAML, and what its new revision changes: what is hidden, and what is told.
#include "web/manifest.hpp"

#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <algorithm>

using namespace sluice;
using namespace sluice::web;

namespace {

Json masked(std::string_view text) {
    auto value = *parse_json(text);
    Masker().mask(value);
    return value;
}

std::string said(const std::vector<DiffLine>& lines) {
    std::string all;
    for (const auto& line : lines) {
        all += line.op == DiffLine::Op::same ? " " : line.op == DiffLine::Op::removed ? "-" : "+";
        all += line.text + "\n";
    }
    return all;
}

Json workload(std::string_view pod_template) {
    Json object = JsonObject{{"kind", "Deployment"}};
    put(object, {"spec", "template"}, *parse_json(pod_template));
    return object;
}

}  // namespace

TEST_CASE("a name says what is a secret") {
    for (const auto* name : {"DB_PASSWORD",
                             "apiToken",
                             "X-Api-Key",
                             "AWS_SECRET_ACCESS_KEY",
                             "--db-password",
                             "authorization",
                             "PGPWD"}) {
        CAPTURE(name);
        CHECK(is_secret_name(name));
    }
    for (const auto* name : {"secretName",
                             "imagePullSecretName",
                             "credentialName",
                             "key",
                             "PATH",
                             "author",
                             "monkey"}) {
        CAPTURE(name);
        CHECK_FALSE(is_secret_name(name));
    }
}

TEST_CASE("a header that a route wants is hidden where its name says what it holds") {
    CHECK(masked(R"({"match": [{"headers": {"x-api-key": {"exact": "hunter2"},
                                            "authorization": {"regex": "Bearer abc.*"},
                                            "x-canary": {"exact": "always"}}}],
                     "headers": {"request": {"set": {"authorization": "hunter2"}}},
                     "tls": {"credentialName": "shop-cert"}})") ==
          *parse_json(R"_({"match": [{"headers": {"x-api-key": {"exact": "•••"},
                                                  "authorization": {"regex": "•••"},
                                                  "x-canary": {"exact": "always"}}}],
                           "headers": {"request": {"set": {"authorization": "••• (2)"}}},
                           "tls": {"credentialName": "shop-cert"}})_"));
}

TEST_CASE("what may be a secret is hidden, and nothing else") {
    CHECK(masked(R"({"env": [{"name": "DB_PASSWORD", "value": "hunter2"},
                             {"name": "COLOUR", "value": "blue"},
                             {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]})") ==
          *parse_json(R"({"env": [{"name": "DB_PASSWORD", "value": "•••"},
                             {"name": "COLOUR", "value": "blue"},
                             {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]})"));
    CHECK(
        masked(
            R"({"args": ["--port=80", "--api-token=abc", "--password", "abc", "--level", "info"]})") ==
        *parse_json(
            R"({"args": ["--port=80", "--api-token=•••", "--password", "•••", "--level", "info"]})"));
    CHECK(masked(R"({"annotations": {"example.com/token": "abc"}, "secretName": "tls"})") ==
          *parse_json(R"({"annotations": {"example.com/token": "•••"}, "secretName": "tls"})"));
    CHECK(
        masked(
            R"(["http://me:word@h/x?key=1", "https://h/x", "a http://h/?a=1 b http://h/?b=2"])") ==
        *parse_json(R"(["http://•••@h/x?•••", "https://h/x", "a http://h/?••• b http://h/?•••"])"));
    CHECK(
        masked(
            R"({"cmd": "hey -H 'Authorization: Bearer abcdefgh.ijkl' http://h/", "n": "basic rate"})") ==
        *parse_json(
            R"({"cmd": "hey -H 'Authorization: Bearer •••' http://h/", "n": "basic rate"})"));
    CHECK(masked(R"({"tokenSeconds": 3600, "password": ""})") ==
          *parse_json(R"({"tokenSeconds": 3600, "password": ""})"));
}

TEST_CASE("a hidden value that has changed is seen to have changed") {
    const auto with = [](std::string_view password) {
        return workload(R"({"spec": {"containers": [{"name": "c", "env": [
            {"name": "PASSWORD", "value": ")" +
                        std::string(password) + R"("}]}]}})");
    };
    const auto templates = templates_of(with("one"), with("two"));
    const auto lines = diff_of(templates.primary, templates.target);
    CHECK(std::ranges::count(lines, DiffLine::Op::removed, &DiffLine::op) == 1);
    CHECK(said(lines).find("one") == std::string::npos);
    CHECK(said(lines).find("two") == std::string::npos);
    const auto alike = templates_of(with("one"), with("one"));
    CHECK(alike.primary == alike.target);
}

TEST_CASE("of two templates what the revision changes is told, and not how the primary is made") {
    const auto primary = workload(R"({
        "metadata": {"annotations": {"flagger-id": "1-2-3"}, "labels": {"app": "podinfo-primary"}},
        "spec": {"containers": [{"image": "podinfo:6.0.0", "name": "c",
            "envFrom": [{"configMapRef": {"name": "config-primary"}}]}],
          "nodeSelector": {"pool": "web-primary"}}})");
    const auto target = workload(R"({
        "metadata": {"creationTimestamp": null, "labels": {"app": "podinfo"}},
        "spec": {"nodeSelector": {"pool": "web-primary"}, "containers": [{"name": "c",
            "image": "podinfo:6.1.0", "envFrom": [{"configMapRef": {"name": "config"}}]}]}})");
    const auto templates = templates_of(primary, target);
    const auto lines = diff_of(templates.primary, templates.target);
    std::string changed;
    for (const auto& line : lines) {
        if (line.op != DiffLine::Op::same) changed += std::string(trimmed(line.text)) + "|";
    }
    CHECK(changed == "image: podinfo:6.0.0|image: podinfo:6.1.0|");
    CHECK(said(lines).find("app: podinfo\n") != std::string::npos);
    CHECK(said(lines).find("pool: web-primary") != std::string::npos);
}

TEST_CASE("a difference is told in the fewest lines, in their order") {
    CHECK(said(diff_of("a\nb\nc\n", "a\nx\nc\nd\n")) == " a\n-b\n+x\n c\n+d\n");
    CHECK(said(diff_of("", "a\n")) == "+a\n");
    CHECK(said(diff_of("a\n", "")) == "-a\n");
    CHECK(diff_of("", "").empty());
    // Too long to be compared line by line.
    std::string all;
    for (int i = 0; i < 3000; ++i) all += "x\n";
    CHECK(diff_of(all, all).size() == 6000);
}

TEST_CASE("a manifest has the order that people know, and no bookkeeping") {
    const auto object = *parse_json(R"({
        "status": {"phase": "Failed"},
        "spec": {"analysis": {"webhooks": [{"url": "http://hooks/x?token=abc"}]}},
        "metadata": {"name": "web", "managedFields": [{"manager": "kubectl"}]},
        "kind": "Canary", "apiVersion": "flagger.app/v1beta1"})");
    const auto text = manifest_of(object);
    CHECK(text.starts_with("apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata:\n"));
    CHECK(text.find("spec:") < text.find("status:"));
    CHECK(text.find("managedFields") == std::string::npos);
    CHECK(text.find("abc") == std::string::npos);
}
