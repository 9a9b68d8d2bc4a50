// A request's body as an object, whatever form it came in: JSON, YAML or protobuf.
#pragma once

#include "lab/apiserver/cluster.hpp"
#include "net/http.hpp"

namespace sluice::lab {

// By Content-Type; none means JSON. 400 for what cannot be read, 413 for what is too large, 415 for
// other forms.
Answer<Json> decode_body(const net::Request& request);
// The body of a DELETE: nothing at all is an empty object.
Answer<Json> decode_optional_body(const net::Request& request);

}  // namespace sluice::lab
