// What is worth another try when a message was not taken, and how long to wait before it.
#pragma once

#include "base/core/result.hpp"
#include "net/http.hpp"

namespace sluice::notify {

bool is_success(int status);  // any 2xx
bool is_worth_another_try(int status);
bool is_worth_another_try(ErrorKind kind);

// 1 s, 2 s, 4 s … up to 30 s, or what the answer asks for. Null: there was none.
Duration wait_before(int attempt, const net::Response* answer);

}  // namespace sluice::notify
