#include "controller/metric_templates.hpp"

#include "base/async/deadline.hpp"
#include "base/core/json.hpp"
#include "base/core/text.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::controller {
namespace {

constexpr Duration secret_limit = std::chrono::seconds{5};

metrics::ProviderSpec spec_of(const Json& object) {
    metrics::ProviderSpec spec;
    spec.type = text_at(object, {"spec", "provider", "type"});
    spec.address = text_at(object, {"spec", "provider", "address"});
    spec.region = text_at(object, {"spec", "provider", "region"});
    spec.insecure_skip_verify =
        bool_at(object, {"spec", "provider", "insecureSkipVerify"}).value_or(false);
    for (const auto& [name, values] : object_at(object, {"spec", "provider", "headers"})) {
        if (!values.is_array()) continue;
        auto& header = spec.headers[std::string(name)];
        for (const auto& value : values.get_array()) {
            if (value.is_string()) header.emplace_back(value.get_string());
        }
    }
    return spec;
}

metrics::Credentials credentials_of(const Json& secret) {
    metrics::Credentials credentials;
    for (const auto& [key, value] : object_at(secret, {"data"})) {
        if (!value.is_string()) continue;
        if (auto bytes = from_base64(value.get_string())) {
            credentials.emplace(std::string(key), std::move(*bytes));
        }
    }
    return credentials;
}

}  // namespace

Task<Result<CheckTemplate>> MetricTemplates::read(api::Reference reference) {
    const auto name = fmt::format("template {}.{}", reference.name, reference.ns);
    const auto object = templates_.get({reference.ns, reference.name});
    if (!object) {
        co_return Error{
            ErrorKind::not_found,
            fmt::format(
                "{} error: metrictemplates.flagger.app \"{}\" not found", name, reference.name)};
    }
    CheckTemplate found{.server = spec_of(*object),
                        .query = std::string(text_at(*object, {"spec", "query"}))};
    const auto* provider = providers_.find(found.server.type);
    if (provider == nullptr) {
        co_return Error{ErrorKind::unsupported,
                        fmt::format("{} provider {} error: {}",
                                    name,
                                    found.server.type,
                                    providers_.refusal(found.server.type))};
    }
    const std::string secret_name(text_at(*object, {"spec", "provider", "secretRef", "name"}));
    if (!secret_name.empty()) {
        const auto secret = co_await with_deadline<Json>(
            clock_,
            secret_limit,
            client_.get(kube::resources::secrets, {reference.ns, secret_name}));
        if (!secret) {
            co_return Error{
                secret.error().kind,
                fmt::format("{} secret {} error: {}", name, secret_name, secret.error().message)};
        }
        found.server.secret = credentials_of(*secret);
    }
    if (const auto usable = provider->check(found.server); !usable) {
        co_return Error{
            ErrorKind::invalid,
            fmt::format(
                "{} provider {} error: {}", name, found.server.type, usable.error().message)};
    }
    co_return found;
}

}  // namespace sluice::controller
