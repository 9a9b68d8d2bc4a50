// Single requests, live: as a lab's proxy saw them, kept for a while and told to whom they concern.
// Nothing is gathered while nobody looks.
#pragma once

#include "base/core/json.hpp"
#include "base/core/result.hpp"
#include "base/core/time.hpp"
#include "web/asked.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace sluice::web {

struct TapRow {
    Time came{};
    std::string source, destination;        // "ns/workload" or "unknown"
    std::string source_ns, destination_ns;  // empty where they are not known
    std::string pod, service;
    std::string method, authority, path;
    int code = 0;
    std::string flags;
    double milliseconds = 0;
    std::optional<double> upstream_milliseconds = {};
    int tries = 0;
    std::string route;
    std::uint64_t request_bytes = 0;
    std::uint64_t response_bytes = 0;
    std::vector<std::pair<std::string, std::string>> headers = {};
};

// Who sees the requests. A cluster without an access-log service has nobody.
class TapSource {
   public:
    TapSource() = default;
    TapSource(const TapSource&) = delete;
    TapSource& operator=(const TapSource&) = delete;
    virtual ~TapSource() = default;

    virtual void set_on(bool on) = 0;
    struct Taken {
        std::vector<TapRow> rows;   // oldest first
        std::uint64_t dropped = 0;  // left out since the last time
    };
    virtual Taken take() = 0;
};

struct TapFilter {
    std::set<std::string> namespaces = {};  // empty: all
    std::string workload, code, path, method;
    std::string direction;  // "in", "out", or both
    std::string header, value;

    static Result<TapFilter> read(const Asked& asked);
    // `headers`: as they are told, so that no secret is found out by asking for it.
    bool is_meant(const TapRow& row, const JsonArray& headers) const;
    // The same for the same question.
    std::string text() const;
};

// The last rows, newest last, with the ids that they are known by.
class TapRows {
   public:
    struct Kept {
        TapRow row;
        JsonObject json;
        std::string request_id;  // as its sender named it; may be empty
    };
    // Returns how many are new; they are the last ones.
    std::size_t add(TapSource::Taken taken, Time now);
    void forget();
    const std::deque<Kept>& rows() const { return rows_; }
    // The first that came by that name; null where none did.
    const TapRow* find(std::string_view request_id) const;
    // Left out in the last minute.
    std::uint64_t dropped(Time now) const;

   private:
    std::deque<Kept> rows_;
    std::uint64_t number_ = 0;
    std::deque<std::pair<Time, std::uint64_t>> dropped_;
};

// Names with values: a bounded number of them, cut, and what may hold a secret is masked.
JsonArray headers_json(const std::vector<std::pair<std::string, std::string>>& headers);
// As the contract has it: what may hold a secret is masked.
JsonObject json_of(const TapRow& row, std::string id);

}  // namespace sluice::web
