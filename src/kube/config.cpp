#include "kube/config.hpp"

#include "base/core/address.hpp"
#include "base/core/text.hpp"
#include "kube/yaml.hpp"
#include "net/environment_proxy.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace sluice::kube {
namespace {

const std::string account = "/var/run/secrets/kubernetes.io/serviceaccount/";

// One line, whatever the names in the file hold.
Error refusal(std::string message) {
    std::ranges::replace_if(message, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
    return {ErrorKind::invalid, std::move(message)};
}

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// Entries of `clusters`, `users` and `contexts` with the file that holds them: relative paths are
// relative to it.
struct Entry {
    Json value;
    std::string file;
};

struct Merged {
    std::map<std::string, Entry> clusters;
    std::map<std::string, Entry> users;
    std::map<std::string, Entry> contexts;
    std::string current_context;
    std::string files;  // for messages
};

// The first file that names an entry wins.
void merge_entries(const Json& file,
                   std::string_view list,
                   std::string_view inner,
                   const std::string& path,
                   std::map<std::string, Entry>& into) {
    for (const auto& entry : array_at(file, {list})) {
        const auto* value = find(entry, {inner});
        into.try_emplace(
            std::string(text_at(entry, {"name"})),
            Entry{value != nullptr && value->is_object() ? *value : Json(JsonObject{}), path});
    }
}

Result<void> merge_file(const std::string& path, const std::string& text, Merged& merged) {
    const auto documents = parse_yaml_documents(text);
    if (!documents)
        return refusal(fmt::format("kubeconfig {}: {}", path, documents.error().message));
    if (documents->empty()) return {};
    const auto& file = documents->front();
    if (documents->size() > 1 || !file.is_object())
        return refusal(fmt::format("kubeconfig {}: one document of kind Config is expected", path));
    if (const auto kind = text_at(file, {"kind"}, "Config"); kind != "Config")
        return refusal(fmt::format("kubeconfig {}: kind: {} is not Config", path, kind));
    merge_entries(file, "clusters", "cluster", path, merged.clusters);
    merge_entries(file, "users", "user", path, merged.users);
    merge_entries(file, "contexts", "context", path, merged.contexts);
    if (merged.current_context.empty()) merged.current_context = text_at(file, {"current-context"});
    return {};
}

// Reads one entry's fields and says no in one line that names file and field.
class Fields {
   public:
    Fields(const Entry& entry, std::string where, const Environment& environment)
        : value_(entry.value),
          file_(entry.file),
          where_(std::move(where)),
          environment_(environment) {}

    const Json& value() const { return value_; }
    std::string text(std::string_view field) const { return std::string(text_at(value_, {field})); }
    bool flag(std::string_view field) const { return bool_at(value_, {field}).value_or(false); }
    bool has(std::string_view field) const { return find(value_, {field}) != nullptr; }

    Error no(std::string_view field, std::string_view why) const {
        return refusal(fmt::format("kubeconfig {}: {}.{}: {}", file_, where_, field, why));
    }

    std::string path(std::string_view field) const {
        auto path = text(field);
        return path.empty() || path.starts_with('/') ? path : directory_of(file_) + path;
    }

    // PEM from `field-data` (base64), or from the file that `field` names; empty without either.
    Result<std::string> pem(std::string_view field) const {
        const auto data_field = std::string(field) + "-data";
        if (const auto data = text(data_field); !data.empty()) {
            auto decoded = from_base64(data);
            if (!decoded) return no(data_field, "not base64");
            return *std::move(decoded);
        }
        const auto path = this->path(field);
        if (path.empty()) return std::string{};
        auto read = environment_.read_file(path);
        if (!read) return no(field, read.error().message);
        return read;
    }

   private:
    const Json& value_;
    const std::string& file_;
    std::string where_;
    const Environment& environment_;
};

Result<net::Origin> origin_of(std::string_view url) {
    // An error shows the URL.
    const auto parsed = net::parse_url(split_address(url).bare);
    if (!parsed) return parsed.error();
    return parsed->origin;
}

// Who we are to the proxy goes with each request through it.
Result<void> use_proxy(std::string_view url, Connection& connection) {
    const auto proxy = origin_of(url);
    if (!proxy) return proxy.error();
    connection.proxy = *proxy;
    const auto authorization = split_address(url).authorization;
    if (!authorization.empty()) connection.headers.set("Proxy-Authorization", authorization);
    return {};
}

Result<void> use_proxy_of_environment(Connection& connection, const Environment& environment) {
    const auto way = net::way_by_environment(connection.origin, environment.variable);
    if (!way) return way.error();
    if (!*way) return {};
    connection.proxy = (*way)->proxy;
    if (!(*way)->authorization.empty()) {
        connection.headers.set("Proxy-Authorization", (*way)->authorization);
    }
    return {};
}

Result<void> read_server(std::string url,
                         const std::function<Error(std::string_view)>& no,
                         Connection& connection) {
    if (url.empty()) return no("missing");
    // Go's client takes a bare host as http.
    if (url.find("://") == std::string::npos) url = "http://" + url;
    const auto parsed = net::parse_url(split_address(url).bare);
    if (!parsed) return no(parsed.error().message);
    connection.origin = parsed->origin;
    connection.path_prefix = parsed->target.substr(0, parsed->target.find('?'));
    while (connection.path_prefix.ends_with('/')) connection.path_prefix.pop_back();
    return {};
}

Result<void> read_cluster(const Fields& cluster,
                          const ConfigQuery& query,
                          const Environment& environment,
                          net::TlsOptions& tls,
                          Config& config) {
    const auto no = [&](std::string_view why) { return cluster.no("server", why); };
    const auto server =
        query.master.empty()
            ? read_server(cluster.text("server"), no, config.connection)
            : read_server(
                  query.master,
                  [](std::string_view why) { return refusal(fmt::format("--master: {}", why)); },
                  config.connection);
    if (!server) return server.error();

    auto ca = cluster.pem("certificate-authority");
    if (!ca) return ca.error();
    tls.ca = *std::move(ca);
    tls.server_name = cluster.text("tls-server-name");
    tls.verify = !cluster.flag("insecure-skip-tls-verify");
    if (!tls.verify && !tls.ca.empty()) {
        return cluster.no(
            "insecure-skip-tls-verify",
            "specifying a root certificates file with the insecure flag is not allowed");
    }
    if (!tls.verify) config.warnings.push_back("the API server's certificate is not verified");

    if (const auto url = cluster.text("proxy-url"); !url.empty()) {
        if (url.starts_with("socks5"))
            return cluster.no("proxy-url", "SOCKS proxies are not supported");
        const auto used = use_proxy(url, config.connection);
        if (!used) return cluster.no("proxy-url", used.error().message);
    } else {
        const auto used = use_proxy_of_environment(config.connection, environment);
        if (!used) return used.error();
    }

    for (const auto& extension : array_at(cluster.value(), {"extensions"})) {
        if (text_at(extension, {"name"}) != "sluice.dev/lab") continue;
        const auto url = text_at(extension, {"extension", "proxy"});
        if (url.empty()) continue;
        const auto proxy = origin_of(url);
        if (!proxy) return cluster.no("extensions[sluice.dev/lab].proxy", proxy.error().message);
        config.lab_proxy = *proxy;
    }
    return {};
}

void read_impersonation(const Fields& user, net::Headers& headers) {
    if (const auto as = user.text("as"); !as.empty()) headers.set("Impersonate-User", as);
    if (const auto uid = user.text("as-uid"); !uid.empty()) headers.set("Impersonate-Uid", uid);
    for (const auto& group : array_at(user.value(), {"as-groups"})) {
        if (group.is_string())
            headers.add("Impersonate-Group", std::string_view(group.get_string()));
    }
    for (const auto& [key, values] : object_at(user.value(), {"as-user-extra"})) {
        const auto* list = values.if_array();
        if (list == nullptr) continue;
        for (const auto& value : *list) {
            if (value.is_string())
                headers.add("Impersonate-Extra-" + percent_encoded(key),
                            std::string_view(value.get_string()));
        }
    }
}

Result<void> read_user(const Fields& user, net::TlsOptions& tls, Connection& connection) {
    if (user.has("exec")) {
        return user.no("exec",
                       "credential plugins are not supported; use a token, a tokenFile or a client "
                       "certificate");
    }
    if (user.has("auth-provider")) {
        return user.no("auth-provider",
                       "legacy auth providers are not supported; use a token, a tokenFile or a "
                       "client certificate");
    }
    auto certificate = user.pem("client-certificate");
    if (!certificate) return certificate.error();
    auto key = user.pem("client-key");
    if (!key) return key.error();
    if (certificate->empty() != key->empty()) {
        return certificate->empty()
                   ? user.no("client-certificate", "missing, though there is a client-key")
                   : user.no("client-key", "missing, though there is a client-certificate");
    }
    tls.client_certificate = *std::move(certificate);
    tls.client_key = *std::move(key);
    connection.token = user.text("token");
    connection.token_file = user.path("tokenFile");
    const auto name = user.text("username");
    if (!name.empty() && connection.token.empty() && connection.token_file.empty())
        connection.headers.set("Authorization",
                               "Basic " + base64(name + ":" + user.text("password")));
    read_impersonation(user, connection.headers);
    return {};
}

Result<Config> config_of(const Merged& merged,
                         const ConfigQuery& query,
                         const Environment& environment) {
    Config config;
    config.source = merged.files;
    config.context = query.context.empty() ? merged.current_context : query.context;
    const auto whole = [&](std::string_view why) {
        return refusal(fmt::format("kubeconfig {}: {}", merged.files, why));
    };
    const Entry nothing{JsonObject{}, merged.files};

    const Entry* context = &nothing;
    if (config.context.empty()) {
        if (query.master.empty()) return whole("current-context: not set, and no --context given");
    } else if (const auto found = merged.contexts.find(config.context);
               found != merged.contexts.end()) {
        context = &found->second;
    } else {
        return whole(fmt::format("contexts: no context named \"{}\"", config.context));
    }
    const Fields chosen(*context, fmt::format("contexts[{}].context", config.context), environment);
    const auto cluster_name = chosen.text("cluster");
    const auto user_name = chosen.text("user");
    if (const auto ns = chosen.text("namespace"); !ns.empty()) config.ns = ns;

    const Entry* cluster = &nothing;
    if (const auto found = merged.clusters.find(cluster_name); found != merged.clusters.end()) {
        cluster = &found->second;
    } else if (query.master.empty()) {
        return chosen.no("cluster", fmt::format("no cluster named \"{}\"", cluster_name));
    }
    net::TlsOptions tls;
    const auto read = read_cluster(
        Fields(*cluster, fmt::format("clusters[{}].cluster", cluster_name), environment),
        query,
        environment,
        tls,
        config);
    if (!read) return read.error();

    if (!user_name.empty()) {
        const auto found = merged.users.find(user_name);
        if (found == merged.users.end())
            return chosen.no("user", fmt::format("no user named \"{}\"", user_name));
        const auto known =
            read_user(Fields(found->second, fmt::format("users[{}].user", user_name), environment),
                      tls,
                      config.connection);
        if (!known) return known.error();
    }
    if (config.connection.origin.tls)
        config.connection.tls = std::make_shared<const net::TlsOptions>(std::move(tls));
    return config;
}

Result<Config> config_in_cluster(const std::string& host,
                                 const std::string& port,
                                 const Environment& environment) {
    const auto number = parse_integer(port);
    if (!number || *number <= 0 || *number > 65535)
        return refusal(fmt::format("KUBERNETES_SERVICE_PORT: '{}' is no port", port));
    Config config;
    config.source = "in-cluster";
    config.connection.origin = {true, host, static_cast<std::uint16_t>(*number)};
    config.connection.token_file = account + "token";
    net::TlsOptions tls;
    if (auto ca = environment.read_file(account + "ca.crt")) {
        tls.ca = *std::move(ca);
    } else {
        config.warnings.push_back(fmt::format(
            "the API server is verified against the system's roots: {}", ca.error().message));
    }
    config.connection.tls = std::make_shared<const net::TlsOptions>(std::move(tls));
    if (const auto ns = environment.read_file(account + "namespace")) config.ns = trimmed(*ns);
    return config;
}

Result<Config> config_of_files(const std::vector<std::string>& paths,
                               bool may_be_missing,
                               const ConfigQuery& query,
                               const Environment& environment) {
    Merged merged;
    merged.files = joined(paths, ":");
    bool found_any = false;
    for (const auto& path : paths) {
        const auto text = environment.read_file(path);
        if (!text && text.error().kind == ErrorKind::not_found && may_be_missing) continue;
        if (!text) return refusal(fmt::format("kubeconfig {}", text.error().message));
        found_any = true;
        const auto read = merge_file(path, *text, merged);
        if (!read) return read.error();
    }
    if (!found_any && query.master.empty() && !paths.empty())
        return refusal(fmt::format("kubeconfig {}: no such file", merged.files));
    return config_of(merged, query, environment);
}

Result<Config> config_from_anywhere(const ConfigQuery& query, const Environment& environment) {
    if (!query.kubeconfig.empty())
        return config_of_files({query.kubeconfig}, false, query, environment);
    const auto list = environment.variable("KUBECONFIG").value_or("");
    if (const auto paths = split_list(list, ':'); !paths.empty())
        return config_of_files(paths, true, query, environment);
    if (!query.master.empty()) return config_of_files({}, true, query, environment);

    const auto host = environment.variable("KUBERNETES_SERVICE_HOST").value_or("");
    const auto port = environment.variable("KUBERNETES_SERVICE_PORT").value_or("");
    if (!host.empty() && !port.empty()) return config_in_cluster(host, port, environment);

    const auto home = environment.variable("HOME").value_or("");
    const auto file = home + "/.kube/config";
    if (home.empty() || !environment.read_file(file)) {
        return refusal(
            fmt::format("no cluster: neither --kubeconfig nor KUBECONFIG is given, this is no pod, "
                        "and there is no {}",
                        home.empty() ? "$HOME/.kube/config" : file));
    }
    return config_of_files({file}, false, query, environment);
}

}  // namespace

Environment process_environment() {
    return {
        .variable = [](std::string_view name) -> std::optional<std::string> {
            const char* value = std::getenv(std::string(name).c_str());
            if (value == nullptr) return std::nullopt;
            return std::string(value);
        },
        .read_file = [](const std::string& path) -> Result<std::string> {
            std::ifstream file(path, std::ios::binary);
            const int why = errno;
            if (!file) {
                return Error{
                    why == ENOENT || why == ENOTDIR ? ErrorKind::not_found : ErrorKind::denied,
                    fmt::format("{}: {}", path, std::generic_category().message(why))};
            }
            std::ostringstream text;
            // What is no file (a directory) opens, and breaks at the first read. Nothing at all is
            // no failure.
            const bool is_empty = file.peek() == std::ifstream::traits_type::eof();
            if (!is_empty) text << file.rdbuf();
            if (file.bad() || text.fail())
                return Error{ErrorKind::invalid, fmt::format("{}: cannot be read", path)};
            return std::move(text).str();
        },
    };
}

Result<Config> find_config(const ConfigQuery& query, const Environment& environment) {
    auto config = config_from_anywhere(query, environment);
    if (!config) return config;
    auto& connection = config->connection;
    // client-go's numbers of a command line; a server on this machine needs no sparing.
    if (!net::is_loopback(connection.origin.host))
        connection.rate = {.per_second = 50, .burst = 100};
    connection.user_agent = "sluice/" SLUICE_VERSION " (linux/amd64)";
    if (const auto ns = environment.variable("POD_NAMESPACE").value_or("");
        !ns.empty() && config->source == "in-cluster")
        config->ns = ns;
    return config;
}

}  // namespace sluice::kube
