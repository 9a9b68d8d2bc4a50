#include "lab/mesh/fault.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>

namespace sluice::mesh {

namespace {

struct GrpcCode {
    std::string_view name;
    int http;  // what it is for somebody who does not speak gRPC
};

constexpr std::array<GrpcCode, 17> grpc_codes{{{"OK", 200},
                                               {"CANCELLED", 499},
                                               {"UNKNOWN", 500},
                                               {"INVALID_ARGUMENT", 400},
                                               {"DEADLINE_EXCEEDED", 504},
                                               {"NOT_FOUND", 404},
                                               {"ALREADY_EXISTS", 409},
                                               {"PERMISSION_DENIED", 403},
                                               {"RESOURCE_EXHAUSTED", 429},
                                               {"FAILED_PRECONDITION", 400},
                                               {"ABORTED", 409},
                                               {"OUT_OF_RANGE", 400},
                                               {"UNIMPLEMENTED", 501},
                                               {"INTERNAL", 500},
                                               {"UNAVAILABLE", 503},
                                               {"DATA_LOSS", 500},
                                               {"UNAUTHENTICATED", 401}}};

double share_of(const Json& fault, std::optional<double> otherwise) {
    auto percent = otherwise.value_or(0);
    if (find(fault, {"percentage"}) != nullptr)
        percent = number_at(fault, {"percentage", "value"}).value_or(0);
    return std::clamp(percent, 0.0, 100.0) / 100;
}

}  // namespace

std::optional<int> grpc_code_named(std::string_view name) {
    if (const auto number = parse_integer(name)) {
        if (*number < 0 || *number >= static_cast<std::int64_t>(grpc_codes.size()))
            return std::nullopt;
        return static_cast<int>(*number);
    }
    const auto found = std::find_if(grpc_codes.begin(),
                                    grpc_codes.end(),
                                    [&](const GrpcCode& code) { return code.name == name; });
    if (found == grpc_codes.end()) return std::nullopt;
    return static_cast<int>(found - grpc_codes.begin());
}

std::shared_ptr<const FaultInjection> parse_fault(const Json& json) {
    auto fault = std::make_shared<FaultInjection>();
    if (const auto* delay = find(json, {"delay"}); delay != nullptr && delay->is_object()) {
        fault->delay =
            std::max(Duration::zero(),
                     parse_duration(text_at(*delay, {"fixedDelay"})).value_or(Duration::zero()));
        fault->delay_share = share_of(*delay, number_at(*delay, {"percent"}));
    }
    if (const auto* abort = find(json, {"abort"}); abort != nullptr && abort->is_object()) {
        fault->abort_share = share_of(*abort, std::nullopt);
        fault->grpc_status = grpc_code_named(text_at(*abort, {"grpcStatus"}));
        if (fault->grpc_status)
            fault->status = grpc_codes[static_cast<std::size_t>(*fault->grpc_status)].http;
        else if (const auto status = integer_at(*abort, {"httpStatus"}))
            fault->status = static_cast<int>(*status);
        else
            fault->abort_share = 0;  // It says with what share, and not by which error.
    }
    return fault;
}

}  // namespace sluice::mesh
