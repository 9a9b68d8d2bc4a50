#include "lab/apiserver/ingress_validation.hpp"

#include "lab/apiserver/builtin_validation.hpp"
#include "lab/apiserver/names.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::lab {
namespace {

namespace wrong = field_error;

void check_backend(const Json& backend, const std::string& path, FieldErrors& errors) {
    const auto* service = find(backend, {"service"});
    if (service == nullptr) {
        if (find(backend, {"resource"}) == nullptr) {
            errors.push_back(wrong::invalid(path, "", "resource or service backend is required"));
        }
        return;
    }
    if (text_at(*service, {"name"}).empty()) {
        errors.push_back(wrong::required(path + ".service.name"));
    }
    const auto number = integer_at(*service, {"port", "number"}).value_or(0);
    if (text_at(*service, {"port", "name"}).empty() && number == 0) {
        errors.push_back(wrong::required(path, "port name or number is required"));
    } else if (number != 0) {
        check_port(number, path + ".service.port.number", errors);
    }
}

void check_path(const Json& one, const std::string& path, FieldErrors& errors) {
    const auto type = text_at(one, {"pathType"});
    const auto where = text_at(one, {"path"});
    if (type.empty()) {
        errors.push_back(wrong::required(path + ".pathType", "pathType must be specified"));
    } else if (type == "Exact" || type == "Prefix") {
        if (!where.starts_with('/')) {
            errors.push_back(
                wrong::invalid(path + ".path", Json(where), "must be an absolute path"));
        }
    } else if (type != "ImplementationSpecific") {
        errors.push_back(
            wrong::not_supported(path + ".pathType",
                                 Json(type),
                                 {"\"Exact\"", "\"ImplementationSpecific\"", "\"Prefix\""}));
    }
    static const Json none = JsonObject{};
    const auto* backend = find(one, {"backend"});
    check_backend(backend == nullptr ? none : *backend, path + ".backend", errors);
}

void check_rule(const Json& rule, const std::string& path, FieldErrors& errors) {
    auto host = text_at(rule, {"host"});
    if (host.starts_with("*.")) host.remove_prefix(2);
    if (const auto bad = wrong_with_name(host, NameRule::subdomain); bad && !host.empty()) {
        errors.push_back(wrong::invalid(path + ".host", Json(host), *bad));
    }
    const auto* http = find(rule, {"http"});
    if (http == nullptr) return;
    const auto& paths = array_at(*http, {"paths"});
    if (paths.empty()) errors.push_back(wrong::required(path + ".http.paths"));
    for (std::size_t i = 0; i < paths.size(); ++i) {
        check_path(paths[i], fmt::format("{}.http.paths[{}]", path, i), errors);
    }
}

}  // namespace

FieldErrors wrong_with_ingress(const Json& object) {
    FieldErrors errors;
    const auto* backend = find(object, {"spec", "defaultBackend"});
    const auto& rules = array_at(object, {"spec", "rules"});
    if (backend != nullptr) check_backend(*backend, "spec.defaultBackend", errors);
    if (backend == nullptr && rules.empty()) {
        errors.push_back(
            wrong::invalid("spec", Json(), "either `defaultBackend` or `rules` must be specified"));
    }
    for (std::size_t i = 0; i < rules.size(); ++i) {
        check_rule(rules[i], fmt::format("spec.rules[{}]", i), errors);
    }
    return errors;
}

FieldErrors wrong_with_ingress_class(const Json& object, const Json* before) {
    FieldErrors errors;
    const auto controller = text_at(object, {"spec", "controller"});
    if (controller.empty()) errors.push_back(wrong::required("spec.controller"));
    if (before != nullptr && text_at(*before, {"spec", "controller"}) != controller) {
        errors.push_back(wrong::invalid("spec.controller", Json(controller), "field is immutable"));
    }
    return errors;
}

}  // namespace sluice::lab
