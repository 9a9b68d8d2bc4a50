// Bodies in Kubernetes' protobuf form, which kubectl's generators and typed clients send since
// v1.32, turned into the JSON that everything else here speaks. Decodes only: answers are JSON,
// which those clients take as well (kubernetes.md B.3).
#pragma once

#include "lab/apiserver/cluster.hpp"

#include <string_view>

namespace sluice::lab {

struct ProtobufLimits {
    int depth = 48;
    std::size_t bytes = std::size_t{8} * 1024 * 1024;
};

// The object in the envelope, with its apiVersion and kind. A 400 for malformed bytes, for what is
// over a limit and for a field that we would have to lose; a 415 for a kind without a table.
Answer<Json> decode_protobuf(std::string_view body, ProtobufLimits limits = {});

}  // namespace sluice::lab
