// What Istio says of the parts that several of its objects have.
#include "istio/checks.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "istio/names.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <set>

namespace sluice::istio {

bool has(const Json& value, std::string_view field) {
    const auto* found = find(value, {field});
    return found != nullptr && !found->is_null();
}

bool is_dns_label(std::string_view label) {
    const auto is_inner = [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    };
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, is_inner);
}

bool speaks_http(std::string_view protocol) {
    return protocol == "HTTP" || protocol == "HTTP2" || protocol == "GRPC" ||
           protocol == "GRPC-WEB";
}

void check_host(Faults& faults, std::string_view host) {
    if (host == "*" || parse_ipv4(host) || host.find(':') != std::string_view::npos) return;
    auto name = host;
    if (name.starts_with("*.")) name.remove_prefix(2);
    if (name.ends_with('.')) name.remove_suffix(1);
    for (const auto label : split(name, '.')) {
        if (is_dns_label(label)) continue;
        faults.add(fmt::format("domain name \"{}\" invalid (label \"{}\" invalid)", host, label));
        return;
    }
}

void check_duration(Faults& faults, const Json& value, JsonPath path) {
    const auto* found = find(value, path);
    if (found == nullptr || !found->is_string()) return;
    const auto field = fmt::format("{}", fmt::join(path, "."));
    const auto duration = parse_duration(found->get_string());
    if (!duration) {
        faults.add(field,
                   fmt::format("cannot decode configuration: bad Duration: time: invalid duration "
                               "\"{}\"",
                               std::string_view(found->get_string())));
    } else if (*duration < std::chrono::milliseconds{1}) {
        faults.add(field, "duration must be greater than 1ms");
    } else if (*duration % std::chrono::milliseconds{1} != Duration::zero()) {
        faults.add(field, "only durations to ms precision are supported");
    }
}

void check_text_match(Faults& faults, const Json& match, std::string_view where) {
    const auto* prefix = find(match, {"prefix"});
    if (prefix != nullptr && where != "uri" && prefix->is_string() &&
        prefix->get_string().empty()) {
        faults.add("prefix", fmt::format("\"{}\": prefix string match should not be empty", where));
    }
    const auto* regex = find(match, {"regex"});
    if (regex == nullptr || !regex->is_string()) return;
    const std::string_view text = regex->get_string();
    if (text.empty()) {
        faults.add("regex", fmt::format("\"{}\": regex string match should not be empty", where));
    } else if (text.size() > 1024) {
        faults.add("regex",
                   fmt::format("\"{}\": regex is too large, max length allowed is 1024", where));
    } else if (text != "*") {
        re2::RE2::Options options;
        options.set_log_errors(false);
        const re2::RE2 compiled(re2::StringPiece(text.data(), text.size()), options);
        if (!compiled.ok()) {
            faults.add("regex", fmt::format("\"{}\": invalid regex: {}", where, compiled.error()));
        }
    }
}

void check_destination(Faults& faults, const Json* destination) {
    const auto host = destination == nullptr ? std::string_view() : text_at(*destination, {"host"});
    if (host.empty()) {
        faults.add("destination is required");
        return;
    }
    if (host == "*") {
        faults.add("host", "invalid destination host *");
    } else {
        const auto here = faults.within("host");
        check_host(faults, host);
    }
    const auto subset = text_at(*destination, {"subset"});
    if (!subset.empty() && !is_dns_label(subset)) {
        faults.add("subset", fmt::format("subset name is invalid: {}", subset));
    }
}

void check_weights(Faults& faults, const JsonArray& destinations) {
    std::int64_t total = 0;
    bool has_negative = false;
    for (std::size_t i = 0; i < destinations.size(); ++i) {
        const auto here = faults.within("route", i);
        const auto& entry = destinations[i];
        if (entry.is_null()) {
            faults.add("weight may not be nil");
            continue;
        }
        {
            const auto below = faults.within("destination");
            check_destination(faults, find(entry, {"destination"}));
        }
        const auto weight = integer_at(entry, {"weight"}).value_or(0);
        if (weight < 0) {
            has_negative = true;
            faults.add("weight", fmt::format("weight {} < 0", weight));
        }
        total += weight;
    }
    if (destinations.size() > 1 && total == 0 && !has_negative) {
        faults.add("route", "total destination weight = 0");
    }
}

void check_export_to(Faults& faults, const Json& object) {
    std::set<std::string> seen;
    const auto& entries = array_at(object, {"spec", "exportTo"});
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (!entries[i].is_string()) continue;
        const std::string text(entries[i].get_string());
        if (seen.insert(text).second) continue;
        const auto here = faults.within("exportTo", i);
        faults.add(fmt::format("duplicate entries in exportTo for entry {}", text));
    }
    if (seen.contains("*") && seen.size() > 1) {
        faults.add("exportTo",
                   "cannot have both public (*) and non-public exportTo values for a resource");
    }
}

void check_gateway_name(Faults& faults, std::string_view name) {
    const auto slash = name.find('/');
    if (slash == std::string_view::npos) {
        if (name == "mesh") return;
        if (!std::ranges::all_of(split(name, '.'), is_dns_label)) {
            faults.add(fmt::format("invalid value for gateway name: \"{}\"", name));
        }
        return;
    }
    const auto ns = name.substr(0, slash), gateway = name.substr(slash + 1);
    if (ns.empty() || gateway.empty()) {
        faults.add("config namespace and gateway name cannot be empty");
        return;
    }
    if (ns != "." && !is_dns_label(ns)) {
        faults.add(fmt::format("invalid value for namespace: \"{}\"", ns));
    }
    if (!is_dns_label(gateway)) {
        faults.add(fmt::format("invalid value for gateway name: \"{}\"", gateway));
    }
}

}  // namespace sluice::istio
