// Log lines in the peers' forms: JSON as zap writes it (canary.md 3.1), text as logrus does
// (rollout.md 9.5).
#pragma once

#include "base/async/clock.hpp"

#include <concepts>
#include <functional>
#include <map>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

enum class LogLevel { debug, info, warn, error };
enum class LogFormat { json, text };

// What a field holds: text, or JSON, which stands in a JSON line as it is.
class LogValue {
   public:
    template <typename Text>
        requires std::convertible_to<Text, std::string_view>
    LogValue(const Text& text) : text_(std::string_view(text)) {}
    static LogValue json(std::string_view compact) {
        LogValue value(compact);
        value.is_json_ = true;
        return value;
    }

    bool is_json() const { return is_json_; }
    const std::string& text() const { return text_; }

   private:
    std::string text_;
    bool is_json_ = false;
};
using LogFields = std::vector<std::pair<std::string, LogValue>>;

class Logger {
   public:
    // Takes a line without its newline.
    using Sink = std::function<void(std::string_view line)>;

    struct Options {
        LogFormat format = LogFormat::json;
        LogLevel level = LogLevel::info;
    };

    // The clock outlives the logger.
    Logger(const Clock& clock, Options options, Sink sink);

    void debug(std::string_view message,
               const LogFields& fields = {},
               std::source_location from = std::source_location::current());
    void info(std::string_view message,
              const LogFields& fields = {},
              std::source_location from = std::source_location::current());
    void warn(std::string_view message,
              const LogFields& fields = {},
              std::source_location from = std::source_location::current());
    void error(std::string_view message,
               const LogFields& fields = {},
               std::source_location from = std::source_location::current());
    void log(LogLevel level,
             std::string_view message,
             const LogFields& fields,
             std::source_location from);

   private:
    bool is_sampled_out(LogLevel level, std::string_view message);

    const Clock& clock_;
    Options options_;
    Sink sink_;
    // zap's sampling: of one message within a second the first 100, then every 100th.
    std::map<std::pair<LogLevel, std::string>, std::uint64_t, std::less<>> counts_;
    std::int64_t counted_second_ = 0;
};

// "debug", "info", "warn", "warning", "error", "fatal", "panic"; anything else is info
// (canary.md 5.1, DB-46).
LogLevel log_level_named(std::string_view name);

}  // namespace sluice
