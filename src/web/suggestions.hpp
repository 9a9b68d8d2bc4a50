// What to do about a finding of lint: the edit that ends it, in one sentence.
#pragma once

#include "release/lint.hpp"

#include <string>

namespace sluice::web {

// Empty where the message says it already, or where it depends on what was meant.
std::string suggestion_for(const release::Finding& finding);

}  // namespace sluice::web
