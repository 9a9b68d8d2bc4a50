#include "lab/mesh/fault.hpp"

#include "base/core/duration.hpp"
#include "base/core/text.hpp"
#include "istio/names.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>

namespace sluice::mesh {

namespace {

// What a gRPC code, by its number, is for somebody who does not speak gRPC.
constexpr std::array http_of_grpc{
    200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401};

double share_of(const Json& fault, std::optional<double> otherwise) {
    auto percent = otherwise.value_or(0);
    if (find(fault, {"percentage"}) != nullptr)
        percent = number_at(fault, {"percentage", "value"}).value_or(0);
    return std::clamp(percent, 0.0, 100.0) / 100;
}

}  // namespace

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
        fault->grpc_status = istio::grpc_code_named(text_at(*abort, {"grpcStatus"}));
        if (fault->grpc_status)
            fault->status = http_of_grpc[static_cast<std::size_t>(*fault->grpc_status)];
        else if (const auto status = integer_at(*abort, {"httpStatus"}))
            fault->status = static_cast<int>(*status);
        else
            fault->abort_share = 0;  // It says with what share, and not by which error.
    }
    return fault;
}

}  // namespace sluice::mesh
