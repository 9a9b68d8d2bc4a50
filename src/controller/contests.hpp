// Who else writes what we write: another controller, an operator, a tool that applies what it has.
// Each puts its own right again, so two of them would write at the pace of the API server for ever.
#pragma once

#include "base/core/json.hpp"
#include "base/core/time.hpp"
#include "delivery/canary/corrections.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace sluice::controller {

// One object after the other of one Canary. Losing it is harmless: the next correction comes at
// once.
class Contests {
   public:
    // At once the first time, then at twice the distance each time; forgotten when nobody has
    // written for as long again, a minute at least.
    static constexpr Duration pause_min = std::chrono::seconds{1};
    static constexpr Duration pause_max = std::chrono::seconds{256};
    static constexpr Duration quiet_min = std::chrono::seconds{60};

    // It was put right. Returns how many times in a row.
    int note(const std::string& object, Time now);
    // How many times in a row it was until now.
    int times(const std::string& object, Time now) const;
    // What people are told of it, for as long as it lasts.
    void tell(const std::string& object, std::string text);

    // Those that are not to be put right yet.
    std::set<std::string> spaced(Time now) const;
    // The next moment at which one may be put right again, or is forgotten.
    std::optional<Time> next(Time now) const;
    // What was told of those that last; empty when there are none.
    std::string told(Time now) const;

   private:
    struct Contest {
        int times = 0;
        Time last{};
        std::string text;
    };
    static Duration pause_of(const Contest& contest);
    static Time end_of(const Contest& contest);

    std::map<std::string, Contest> contests_;
};

// Of what a merge patch writes, the first field that somebody else holds, and who: by
// managedFields. Without any such the first field, and nobody.
canary::Contender contender_of(const Json& live, const Json& patch, std::string_view ourselves);

}  // namespace sluice::controller
