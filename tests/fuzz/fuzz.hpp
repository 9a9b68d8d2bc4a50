// What every fuzzer needs. One file per parser of outside input: it hands hostile text to the
// parser and says what must hold of whatever comes out.
#pragma once

#include "base/async/task_group.hpp"
#include "base/async/virtual_clock.hpp"
#include "base/core/json.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::fuzz {

// Each fuzzer defines this one.
void try_input(std::string_view input);

// A law of the parser that does not hold ends the process, and libFuzzer keeps the input.
inline void must(bool holds, std::string_view law) {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(law.size()), law.data());
    std::abort();
}

// Equal, but for the last bit of numbers: Boost.JSON 1.81 reads 17 digits to within one.
inline bool is_same(const Json& a, const Json& b) {
    if (a.is_number() && b.is_number()) {
        const auto x = a.to_number<double>();
        const auto y = b.to_number<double>();
        return std::fabs(x - y) <= 1e-14 * std::fabs(x);
    }
    if (a.is_array() && b.is_array()) {
        return std::ranges::equal(a.get_array(), b.get_array(), is_same);
    }
    if (a.is_object() && b.is_object()) {
        return a.get_object().size() == b.get_object().size() &&
               std::ranges::all_of(a.get_object(), [&](const auto& member) {
                   const auto* other = b.get_object().if_contains(member.key());
                   return other != nullptr && is_same(member.value(), *other);
               });
    }
    return a == b;
}

// A coroutine carried to its end in virtual time.
class Playground {
   public:
    Playground() : clock(context, Time{std::chrono::seconds{1767225600}}) {}
    ~Playground() {
        tasks_.cancel();
        clock.settle();
    }
    Playground(const Playground&) = delete;
    Playground& operator=(const Playground&) = delete;

    void play(Task<> task, Duration limit = std::chrono::hours{1}) {
        tasks_.spawn("fuzz", std::move(task));
        clock.run_for(limit);
    }

    boost::asio::io_context context;
    VirtualClock clock;

   private:
    TaskGroup tasks_{context.get_executor()};
};

// The first line, and what follows it.
struct FirstLine {
    std::string_view line;
    std::string_view rest;
};
inline FirstLine first_line_of(std::string_view text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {text, {}};
    return {text.substr(0, end), text.substr(end + 1)};
}

}  // namespace sluice::fuzz
