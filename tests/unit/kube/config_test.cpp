#include "kube/config.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace sluice;
using namespace sluice::kube;

namespace {

struct Machine {
    std::map<std::string, std::string, std::less<>> variables;
    std::map<std::string, std::string> files;

    Result<Config> find(const ConfigQuery& query = {}) const {
        return find_config(
            query,
            {.variable =
                 [this](std::string_view name) {
                     const auto found = variables.find(name);
                     return found == variables.end() ? std::nullopt : std::optional(found->second);
                 },
             .read_file = [this](const std::string& path) -> Result<std::string> {
                 const auto found = files.find(path);
                 if (found == files.end())
                     return Error{ErrorKind::not_found, path + ": No such file or directory"};
                 return found->second;
             }});
    }
    std::string refusal(const ConfigQuery& query = {}) const {
        const auto config = find(query);
        REQUIRE_FALSE(config);
        return config.error().message;
    }
};

// A kubeconfig with one cluster, one user and one context.
std::string kubeconfig(const std::string& cluster,
                       const std::string& user,
                       const std::string& context = {}) {
    return "apiVersion: v1\nkind: Config\ncurrent-context: home\n"
           "clusters: [{name: c, cluster: {" +
           cluster + "}}]\nusers: [{name: u, user: {" + user +
           "}}]\n"
           "contexts: [{name: home, context: {cluster: c, user: u" +
           context + "}}]\n";
}

const std::string server = "server: 'https://10.0.0.1:6443'";

}  // namespace

TEST_CASE("a kubeconfig says where the server is and as whom we come") {
    Machine machine;
    machine.files["/home/me/.kube/config"] =
        kubeconfig(server + ", certificate-authority: ca.pem, tls-server-name: kube",
                   "token: secret, as: admin, as-groups: [a, b], as-user-extra: "
                   "{reason: [x]}",
                   ", namespace: prod");
    machine.files["/home/me/.kube/ca.pem"] = "CA";
    machine.variables["HOME"] = "/home/me";
    const auto config = machine.find();
    REQUIRE_MESSAGE(config, (config ? "" : config.error().message));
    CHECK(config->connection.origin == net::Origin{true, "10.0.0.1", 6443});
    CHECK(config->connection.path_prefix.empty());
    CHECK(config->connection.token == "secret");
    CHECK(config->connection.tls->ca == "CA");
    CHECK(config->connection.tls->server_name == "kube");
    CHECK(config->connection.tls->verify);
    CHECK(config->connection.headers.get("Impersonate-User") == "admin");
    CHECK(config->connection.headers.all("Impersonate-Group").size() == 2);
    CHECK(config->connection.headers.get("Impersonate-Extra-reason") == "x");
    CHECK(config->ns == "prod");
    CHECK(config->context == "home");
    CHECK(config->source == "/home/me/.kube/config");
    CHECK(config->connection.rate.per_second == 50);
    CHECK_FALSE(config->lab_proxy);
}

TEST_CASE("the lab's kubeconfig carries the address of its proxy") {
    Machine machine;
    machine.variables["KUBECONFIG"] = "/lab/kubeconfig";
    machine.files["/lab/kubeconfig"] = kubeconfig(
        "server: 'http://127.0.0.1:16443', extensions: [{name: other}, {name: sluice.dev/lab, "
        "extension: "
        "{proxy: 'http://127.0.0.1:15001'}}]",
        "");
    machine.variables["HTTP_PROXY"] = "http://proxy:3128";
    const auto config = machine.find();
    REQUIRE(config);
    CHECK(config->lab_proxy == net::Origin{false, "127.0.0.1", 15001});
    CHECK(config->connection.origin == net::Origin{false, "127.0.0.1", 16443});
    CHECK(config->connection.rate.per_second == 0);
    CHECK_FALSE(config->connection.proxy);
    CHECK_FALSE(config->connection.tls);
}

TEST_CASE("certificates come as files or inline, and inline wins") {
    Machine machine;
    machine.files["/k/config"] = kubeconfig(
        server + ", certificate-authority: ca.pem, certificate-authority-data: Q0E=",
        "client-certificate-data: Q0VSVA==, client-key: /abs/key, tokenFile: tok, token: old");
    machine.files["/abs/key"] = "KEY";
    const auto config = machine.find({.kubeconfig = "/k/config"});
    REQUIRE(config);
    CHECK(config->connection.tls->ca == "CA");
    CHECK(config->connection.tls->client_certificate == "CERT");
    CHECK(config->connection.tls->client_key == "KEY");
    CHECK(config->connection.token_file == "/k/tok");
}

TEST_CASE("a list of files is merged, and the first one that says something wins") {
    Machine machine;
    machine.variables["KUBECONFIG"] = "/missing:/a:/b";
    machine.files["/a"] =
        "clusters: [{name: c, cluster: {server: 'https://a'}}]\ncurrent-context: first\n";
    machine.files["/b"] =
        "clusters: [{name: c, cluster: {server: 'https://b'}}, {name: d, cluster: {server: "
        "'https://d/k8s/x/'}}]\n"
        "contexts: [{name: x, context: {cluster: d}}, {name: first, context: {cluster: "
        "c}}]\ncurrent-context: x\n";
    const auto config = machine.find();
    REQUIRE_MESSAGE(config, (config ? "" : config.error().message));
    CHECK(config->connection.origin.host == "a");
    const auto other = machine.find({.context = "x"});
    REQUIRE(other);
    CHECK(other->connection.origin == net::Origin{true, "d", 443});
    CHECK(other->connection.path_prefix == "/k8s/x");
    machine.variables["KUBECONFIG"] = "/missing";
    CHECK(machine.refusal() == "kubeconfig /missing: no such file");
}

TEST_CASE("a pod finds its cluster by what it was given") {
    const std::string account = "/var/run/secrets/kubernetes.io/serviceaccount/";
    Machine machine;
    machine.variables["KUBERNETES_SERVICE_HOST"] = "fd00::1";
    machine.variables["KUBERNETES_SERVICE_PORT"] = "443";
    machine.files[account + "ca.crt"] = "CA";
    machine.files[account + "namespace"] = "sluice-system\n";
    const auto config = machine.find();
    REQUIRE(config);
    CHECK(config->source == "in-cluster");
    CHECK(config->connection.origin == net::Origin{true, "fd00::1", 443});
    CHECK(config->connection.token_file == account + "token");
    CHECK(config->connection.tls->ca == "CA");
    CHECK(config->ns == "sluice-system");
    machine.variables["POD_NAMESPACE"] = "other";
    machine.files.erase(account + "ca.crt");
    const auto bare = machine.find();
    REQUIRE(bare);
    CHECK(bare->ns == "other");
    CHECK(bare->warnings.size() == 1);
}

TEST_CASE("--master stands alone or wins over the file's server") {
    Machine machine;
    const auto alone = machine.find({.master = "http://10.1.1.1:8080"});
    REQUIRE_MESSAGE(alone, (alone ? "" : alone.error().message));
    CHECK(alone->connection.origin == net::Origin{false, "10.1.1.1", 8080});
    machine.files["/k"] = kubeconfig(server, "token: t");
    const auto both = machine.find({.kubeconfig = "/k", .master = "https://other"});
    REQUIRE(both);
    CHECK(both->connection.origin.host == "other");
    CHECK(both->connection.token == "t");
}

TEST_CASE("a proxy's user and password are told the proxy, and shown to nobody") {
    Machine machine;
    const ConfigQuery query{.kubeconfig = "/k"};
    machine.files["/k"] = kubeconfig(server + ", proxy-url: 'http://me:p%40w@proxy:3128'", "");
    auto config = machine.find(query);
    REQUIRE(config);
    CHECK(config->connection.proxy == net::Origin{false, "proxy", 3128});
    CHECK(config->connection.headers.get("Proxy-Authorization") == "Basic bWU6cEB3");
    machine.files["/k"] = kubeconfig(server + ", proxy-url: 'http://me:secret@proxy:x'", "");
    config = machine.find(query);
    REQUIRE_FALSE(config);
    CHECK(config.error().message.find("secret") == std::string::npos);
    machine.files["/k"] = kubeconfig(server, "");
    machine.variables["HTTPS_PROXY"] = "me:pw@proxy:3128";
    config = machine.find(query);
    REQUIRE(config);
    CHECK(config->connection.headers.get("Proxy-Authorization") == "Basic bWU6cHc=");
}

TEST_CASE("proxies come from the file or the environment, and exceptions hold") {
    Machine machine;
    machine.files["/k"] = kubeconfig(server, "");
    machine.variables["https_proxy"] = "proxy:3128";
    const ConfigQuery query{.kubeconfig = "/k"};
    CHECK(machine.find(query)->connection.proxy == net::Origin{false, "proxy", 3128});
    for (const auto* exceptions : {"*", "10.0.0.0/8", "10.0.0.1", "x, 10.0.0.1:6443"}) {
        machine.variables["NO_PROXY"] = exceptions;
        CHECK_FALSE(machine.find(query)->connection.proxy);
    }
    for (const auto* others : {"", "11.0.0.0/8", "10.0.0.1:443"}) {
        CAPTURE(others);
        machine.variables["NO_PROXY"] = others;
        CHECK(machine.find(query)->connection.proxy);
    }
    machine.variables["NO_PROXY"] = ".corp,*.lan,home";
    const auto goes_straight = [&](const std::string& host) {
        machine.files["/k"] = kubeconfig("server: 'https://" + host + "'", "");
        return !machine.find(query)->connection.proxy;
    };
    CHECK(goes_straight("a.corp"));
    CHECK(goes_straight("b.lan"));
    CHECK(goes_straight("home"));
    CHECK(goes_straight("x.home"));
    CHECK_FALSE(goes_straight("corp.other"));
    machine.files["/k"] = kubeconfig(server + ", proxy-url: 'http://mine:1'", "");
    CHECK(machine.find(query)->connection.proxy == net::Origin{false, "mine", 1});
}

TEST_CASE("an address that cannot be used is shown without the password in it") {
    Machine machine;
    machine.files["/k"] = kubeconfig(server, "");
    machine.variables["https_proxy"] = "http://me:secret@proxy:70000";
    const auto config = machine.find({.kubeconfig = "/k"});
    REQUIRE_FALSE(config);
    CHECK(config.error().message == "HTTPS_PROXY: URL http://proxy:70000: bad port");
}

TEST_CASE("what cannot be used is refused in one line that names file and field") {
    Machine machine;
    const ConfigQuery query{.kubeconfig = "/k"};
    const auto refusal = [&](const std::string& text) {
        machine.files["/k"] = text;
        return machine.refusal(query);
    };
    CHECK(machine.refusal(query) == "kubeconfig /k: No such file or directory");
    CHECK(refusal(kubeconfig(server, "exec: {command: aws}")) ==
          "kubeconfig /k: users[u].user.exec: credential plugins are not supported; use a token, a "
          "tokenFile or a "
          "client certificate");
    CHECK(refusal(kubeconfig(server, "auth-provider: {name: gcp}"))
              .starts_with("kubeconfig /k: users[u].user.auth-provider: "));
    CHECK(refusal(kubeconfig("", "")) == "kubeconfig /k: clusters[c].cluster.server: missing");
    CHECK(refusal(kubeconfig(
              server + ", insecure-skip-tls-verify: true, certificate-authority-data: Q0E=", "")) ==
          "kubeconfig /k: clusters[c].cluster.insecure-skip-tls-verify: specifying a root "
          "certificates file with the "
          "insecure flag is not allowed");
    CHECK(refusal(kubeconfig(server + ", certificate-authority-data: '%'", "")) ==
          "kubeconfig /k: clusters[c].cluster.certificate-authority-data: not base64");
    CHECK(refusal(kubeconfig(server + ", certificate-authority: nowhere", "")) ==
          "kubeconfig /k: clusters[c].cluster.certificate-authority: /nowhere: No such file or "
          "directory");
    CHECK(refusal(kubeconfig(server, "client-key-data: Q0E=")) ==
          "kubeconfig /k: users[u].user.client-certificate: missing, though there is a client-key");
    CHECK(refusal(kubeconfig(server + ", proxy-url: 'socks5://x:1'", "")) ==
          "kubeconfig /k: clusters[c].cluster.proxy-url: SOCKS proxies are not supported");
    CHECK(refusal("current-context: nowhere\n") ==
          "kubeconfig /k: contexts: no context named \"nowhere\"");
    CHECK(refusal("kind: Config\n") ==
          "kubeconfig /k: current-context: not set, and no --context given");
    CHECK(refusal("contexts: [{name: a, context: {cluster: x}}]\ncurrent-context: a\n") ==
          "kubeconfig /k: contexts[a].context.cluster: no cluster named \"x\"");
    CHECK(refusal("kind: Pod\n") == "kubeconfig /k: kind: Pod is not Config");
    CHECK(refusal("kind: \"a\\nb\"\n") == "kubeconfig /k: kind: a b is not Config");
    CHECK(refusal("a: [\n").starts_with("kubeconfig /k: line "));
    CHECK(Machine{}.refusal() ==
          "no cluster: neither --kubeconfig nor KUBECONFIG is given, this is no pod, and there is "
          "no $HOME/.kube/config");
}

TEST_CASE("an unverified server is allowed where the file says so, with a warning") {
    Machine machine;
    machine.files["/k"] =
        kubeconfig(server + ", insecure-skip-tls-verify: true", "username: u, password: p");
    const auto config = machine.find({.kubeconfig = "/k"});
    REQUIRE(config);
    CHECK_FALSE(config->connection.tls->verify);
    CHECK(config->warnings.size() == 1);
    CHECK(config->connection.headers.get("Authorization") == "Basic dTpw");
}

TEST_CASE("a directory in place of a kubeconfig is refused") {
    const auto config = find_config({.kubeconfig = "/tmp"}, process_environment());
    REQUIRE_FALSE(config);
    CHECK(config.error().message == "kubeconfig /tmp: cannot be read");
}
