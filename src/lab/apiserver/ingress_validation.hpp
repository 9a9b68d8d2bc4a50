// What is wrong with an Ingress or an IngressClass, in Kubernetes' words (kubernetes.md B.9).
#pragma once

#include "lab/apiserver/statuses.hpp"

namespace sluice::lab {

FieldErrors wrong_with_ingress(const Json& object);
// `before` is null at creation.
FieldErrors wrong_with_ingress_class(const Json& object, const Json* before);

}  // namespace sluice::lab
