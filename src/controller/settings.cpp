#include "controller/settings.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"

#include <fmt/format.h>

#include <map>

namespace sluice::controller {
namespace {

// Takes a flag's text; false when it is no value of its type.
using Take = std::function<bool(Settings&, std::string_view text)>;

struct Flag {
    std::string_view name;
    std::string_view value;  // how --help shows its value; empty for a boolean
    std::string_view help;
    Take take;

    bool is_boolean() const { return value.empty(); }
};

std::optional<bool> parse_bool(std::string_view text) {
    for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (text == yes) return true;
    }
    for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
        if (text == no) return false;
    }
    return std::nullopt;
}

Take text_into(std::string Settings::* member) {
    return [member](Settings& settings, std::string_view text) {
        settings.*member = text;
        return true;
    };
}

Take bool_into(bool Settings::* member) {
    return [member](Settings& settings, std::string_view text) {
        const auto value = parse_bool(text);
        if (value) settings.*member = *value;
        return value.has_value();
    };
}

Take list_into(std::vector<std::string> Settings::* member) {
    return [member](Settings& settings, std::string_view text) {
        settings.*member = split_list(text);
        return true;
    };
}

Take duration_into(Duration Settings::* member) {
    return [member](Settings& settings, std::string_view text) {
        const auto value = parse_duration(text);
        if (!value || *value < Duration{0}) return false;
        settings.*member = *value;
        return true;
    };
}

Take number_into(double Settings::* member) {
    return [member](Settings& settings, std::string_view text) {
        const auto value = parse_number(text);
        if (!value || *value < 0) return false;
        settings.*member = *value;
        return true;
    };
}

bool take_port(Settings& settings, std::string_view text) {
    const auto value = parse_integer(text);
    if (!value || *value < 0 || *value > 65535) return false;
    settings.port = static_cast<std::uint16_t>(*value);
    return true;
}

bool take_ui_port(Settings& settings, std::string_view text) {
    const auto value = parse_integer(text);
    if (!value || *value < 0 || *value > 65535) return false;
    settings.ui_port = static_cast<std::uint16_t>(*value);
    return true;
}

// "/sluice", with or without the slash at its end.
bool take_ui_base_path(Settings& settings, std::string_view text) {
    while (text.ends_with('/')) text.remove_suffix(1);
    if (!text.empty() &&
        (!text.starts_with('/') || text.find_first_of("?#\"<> %") != std::string_view::npos)) {
        return false;
    }
    settings.ui_base_path = text;
    return true;
}

bool take_level(Settings& settings, std::string_view text) {
    settings.log_level = log_level_named(text);
    return true;
}

bool take_encoding(Settings& settings, std::string_view text) {
    if (text != "json" && text != "console") return false;
    settings.log_format = text == "json" ? LogFormat::json : LogFormat::text;
    return true;
}

bool take_format(Settings& settings, std::string_view text) {
    if (text != "json" && text != "text") return false;
    settings.log_format = text == "json" ? LogFormat::json : LogFormat::text;
    return true;
}

Take told_into(std::string Notifications::* member) {
    return [member](Settings& settings, std::string_view text) {
        settings.notifications.*member = text;
        return true;
    };
}

bool take_no_cross_namespace_refs(Settings& settings, std::string_view text) {
    const auto value = parse_bool(text);
    if (value) settings.cross_namespace_refs = !*value;
    return value.has_value();
}

bool take_any(Settings& /*settings*/, std::string_view /*text*/) {
    return true;
}

bool take_bool(Settings& /*settings*/, std::string_view text) {
    return parse_bool(text).has_value();
}

bool take_integer(Settings& /*settings*/, std::string_view text) {
    return parse_integer(text).has_value();
}

bool take_duration(Settings& /*settings*/, std::string_view text) {
    return parse_duration(text).has_value();
}

// In the order in which --help lists them.
const std::vector<Flag>& flags() {
    static const std::vector<Flag> all{
        {"kubeconfig", "FILE", "out-of-cluster configuration", text_into(&Settings::kubeconfig)},
        {"master",
         "URL",
         "address of the API server, over the file's",
         text_into(&Settings::master)},
        {"kubeconfig-qps",
         "N",
         "requests per second to the API server (100)",
         number_into(&Settings::qps)},
        {"kubeconfig-burst", "N", "requests at once (250)", number_into(&Settings::burst)},
        {"namespace", "NS", "watch this namespace only", text_into(&Settings::ns)},
        {"mesh-provider",
         "NAME",
         "provider of Canaries that name none (istio)",
         text_into(&Settings::mesh_provider)},
        {"metrics-server",
         "URL",
         "Prometheus (http://prometheus:9090)",
         text_into(&Settings::metrics_server)},
        {"ingress-annotations-prefix",
         "PREFIX",
         "of NGINX' annotations (nginx.ingress.kubernetes.io)",
         text_into(&Settings::ingress_annotations_prefix)},
        {"selector-labels",
         "LIST",
         "labels that tell the target's pods (app,name,app.kubernetes.io/name)",
         list_into(&Settings::selector_labels)},
        {"include-label-prefix",
         "LIST",
         "prefixes of the labels that the primary gets; * is all",
         list_into(&Settings::include_label_prefixes)},
        {"enable-config-tracking",
         "",
         "follow ConfigMaps and Secrets (true)",
         bool_into(&Settings::config_tracking)},
        {"min-interval",
         "DURATION",
         "shorter intervals count as this one (10s)",
         duration_into(&Settings::min_interval)},
        {"drain-delay",
         "DURATION",
         "wait between moving traffic away and scaling down (10s)",
         duration_into(&Settings::drain_delay)},
        {"revert-on-deletion",
         "",
         "a Canary without spec.revertOnDeletion gives everything back, too (false)",
         bool_into(&Settings::revert_on_deletion)},
        {"enable-leader-election",
         "",
         "act only while holding the Lease sluice (true)",
         bool_into(&Settings::leader_election)},
        {"leader-election-namespace",
         "NS",
         "where the Lease is, without POD_NAMESPACE (kube-system)",
         text_into(&Settings::leader_election_ns)},
        {"ignore-running-peers",
         "",
         "act although another controller of Canaries runs",
         bool_into(&Settings::ignore_running_peers)},
        {"port", "N", "HTTP port of /metrics and /healthz (8080)", take_port},
        {"ui-port", "N", "serve the dashboard there; 0 takes a free one (off)", take_ui_port},
        {"ui-address",
         "ADDRESS",
         "of the dashboard; off loopback each reader needs a token (127.0.0.1)",
         text_into(&Settings::ui_address)},
        {"ui-base-path", "PATH", "before the dashboard's paths", take_ui_base_path},
        {"ui-host",
         "LIST",
         "names by which the dashboard is reached, beside those of loopback",
         list_into(&Settings::ui_hosts)},
        {"ui-token-file",
         "FILE",
         "whoever sends this token sees what the controller sees",
         text_into(&Settings::ui_token_file)},
        {"ui-write",
         "",
         "let people act over a dashboard off loopback, by their own tokens",
         bool_into(&Settings::ui_write)},
        {"log-level", "LEVEL", "debug, info, warn, error (debug)", take_level},
        {"log-format", "FORMAT", "json or text; wins over -zap-encoding (json)", take_format},
        {"zap-encoding", "FORMAT", "json or console", take_encoding},
        {"version", "", "print the version and end", bool_into(&Settings::show_version)},
        {"control-loop-interval", "DURATION", "accepted; nothing polls", take_duration},
        {"threadiness", "N", "accepted; passes run side by side", take_integer},
        {"zap-replace-globals", "", "accepted", take_bool},
        {"no-cross-namespace-refs",
         "",
         "refuse templates and alert providers of other namespaces",
         take_no_cross_namespace_refs},
        {"kubeconfig-service-mesh",
         "FILE",
         "of the cluster that holds the mesh's objects, where it is another one",
         text_into(&Settings::mesh_kubeconfig)},
        {"event-webhook",
         "URL",
         "is posted the Events of Canaries without a hook of type event",
         told_into(&Notifications::event_webhook)},
        {"slack-url",
         "URL",
         "Slack hook for the alerts of Canaries that name no receiver",
         told_into(&Notifications::slack_url)},
        {"slack-token", "TOKEN", "of a Slack bot", told_into(&Notifications::slack_token)},
        {"slack-proxy-url", "URL", "way to Slack", told_into(&Notifications::slack_proxy_url)},
        {"slack-channel", "NAME", "Slack channel", told_into(&Notifications::slack_channel)},
        {"slack-user", "NAME", "name in Slack (flagger)", told_into(&Notifications::slack_user)},
        {"msteams-url",
         "URL",
         "Microsoft Teams webhook, in place of Slack",
         told_into(&Notifications::msteams_url)},
        {"msteams-proxy-url", "URL", "way to Teams", told_into(&Notifications::msteams_proxy_url)},
        {"cluster-name", "NAME", "shown in alerts", told_into(&Notifications::cluster_name)},
        {"ingress-class", "NAME", "not built yet", take_any},
    };
    return all;
}

// The logging flags of Kubernetes' Go programs: accepted, and without effect here.
const std::map<std::string_view, bool>& klog_flags() {
    static const std::map<std::string_view, bool> all{
        {"add_dir_header", true},
        {"alsologtostderr", true},
        {"log_backtrace_at", false},
        {"log_dir", false},
        {"log_file", false},
        {"log_file_max_size", false},
        {"logtostderr", true},
        {"one_output", true},
        {"skip_headers", true},
        {"skip_log_headers", true},
        {"stderrthreshold", false},
        {"v", false},
        {"vmodule", false},
    };
    return all;
}

// The peer's flags that ask for something not built. The values say "as if it were not there".
const std::map<std::string_view, std::string_view>& unbuilt_flags() {
    static const std::map<std::string_view, std::string_view> all{
        {"ingress-class", ""},
    };
    return all;
}

// What stands in the environment wins over the flag.
struct Variable {
    std::string_view name;
    std::string Notifications::* member;
};
constexpr Variable variables[] = {{"EVENT_WEBHOOK_URL", &Notifications::event_webhook},
                                  {"SLACK_URL", &Notifications::slack_url},
                                  {"SLACK_TOKEN", &Notifications::slack_token},
                                  {"SLACK_PROXY_URL", &Notifications::slack_proxy_url},
                                  {"MSTEAMS_URL", &Notifications::msteams_url},
                                  {"MSTEAMS_PROXY_URL", &Notifications::msteams_proxy_url}};

const Flag* flag_named(std::string_view name) {
    for (const auto& flag : flags()) {
        if (flag.name == name) return &flag;
    }
    return nullptr;
}

Error wrong(std::string why) {
    return {ErrorKind::invalid, std::move(why)};
}

}  // namespace

Result<Settings> settings_from(const std::vector<std::string>& arguments,
                               const ReadVariable& variable) {
    Settings settings;
    std::optional<std::string> log_format;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto& argument = arguments[i];
        if (argument.size() < 2 || argument[0] != '-') {
            return wrong(fmt::format("unexpected argument {}", argument));
        }
        std::string_view name = argument;
        name.remove_prefix(name.starts_with("--") ? 2 : 1);
        std::optional<std::string> value;
        if (const auto equals = name.find('='); equals != std::string_view::npos) {
            value = name.substr(equals + 1);
            name = name.substr(0, equals);
        }
        const auto* flag = flag_named(name);
        const auto klog = klog_flags().find(name);
        if (flag == nullptr && klog == klog_flags().end()) {
            return wrong(fmt::format("flag provided but not defined: -{}", name));
        }
        const bool is_boolean = flag != nullptr ? flag->is_boolean() : klog->second;
        if (!value && is_boolean) value = "true";
        if (!value) {
            if (i + 1 == arguments.size()) {
                return wrong(fmt::format("flag needs an argument: -{}", name));
            }
            value = arguments[++i];
        }
        if (flag == nullptr) continue;
        if (!flag->take(settings, *value)) {
            return wrong(fmt::format("invalid value \"{}\" for flag -{}", *value, name));
        }
        if (name == "log-format") log_format = *value;
        const auto unbuilt = unbuilt_flags().find(name);
        if (unbuilt != unbuilt_flags().end() && unbuilt->second != *value) {
            settings.warnings.push_back(
                fmt::format("-{} is not built yet and has no effect", name));
        }
    }
    if (log_format) take_format(settings, *log_format);
    for (const auto& [name, member] : variables) {
        const auto value = variable(name);
        if (value && !value->empty()) settings.notifications.*member = *value;
    }
    if (!settings.ns.empty()) settings.leader_election_ns = settings.ns;
    if (const auto pod_ns = variable("POD_NAMESPACE"); pod_ns && !pod_ns->empty()) {
        settings.leader_election_ns = *pod_ns;
    }
    if (const auto host = variable("HOSTNAME")) settings.host = *host;
    return settings;
}

std::string settings_help() {
    std::string text;
    for (const auto& flag : flags()) {
        const auto shown = flag.is_boolean() ? fmt::format("--{}", flag.name)
                                             : fmt::format("--{} {}", flag.name, flag.value);
        text += fmt::format("  {:<36} {}\n", shown, flag.help);
    }
    return text;
}

}  // namespace sluice::controller
