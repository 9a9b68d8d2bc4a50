#include "base/async/log.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice {
namespace {

std::string_view to_string(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return "debug";
        case LogLevel::info:
            return "info";
        case LogLevel::warn:
            return "warn";
        case LogLevel::error:
            return "error";
    }
    return "info";
}

// zap's short caller: the last folder and the file.
std::string caller(const std::source_location& from) {
    std::string_view path = from.file_name();
    auto cut = path.rfind('/');
    if (cut != std::string_view::npos && cut > 0) cut = path.rfind('/', cut - 1);
    if (cut != std::string_view::npos) path.remove_prefix(cut + 1);
    return fmt::format("{}:{}", path, from.line());
}

std::string in_quotes(std::string_view text) {
    return boost::json::serialize(boost::json::string(text));
}

}  // namespace

Logger::Logger(const Clock& clock, Options options, Sink sink)
    : clock_(clock), options_(options), sink_(std::move(sink)) {}

void Logger::debug(std::string_view message, const LogFields& fields, std::source_location from) {
    log(LogLevel::debug, message, fields, from);
}
void Logger::info(std::string_view message, const LogFields& fields, std::source_location from) {
    log(LogLevel::info, message, fields, from);
}
void Logger::warn(std::string_view message, const LogFields& fields, std::source_location from) {
    log(LogLevel::warn, message, fields, from);
}
void Logger::error(std::string_view message, const LogFields& fields, std::source_location from) {
    log(LogLevel::error, message, fields, from);
}

void Logger::log(LogLevel level,
                 std::string_view message,
                 const LogFields& fields,
                 std::source_location from) {
    if (level < options_.level || is_sampled_out(level, message)) return;
    std::string line;
    if (options_.format == LogFormat::json) {
        line = fmt::format(R"({{"level":"{}","ts":"{}","caller":{},"msg":{})",
                           to_string(level),
                           rfc3339_millis(clock_.now()),
                           in_quotes(caller(from)),
                           in_quotes(message));
        for (const auto& [key, value] : fields) {
            line += fmt::format(
                ",{}:{}", in_quotes(key), value.is_json() ? value.text() : in_quotes(value.text()));
        }
        line += '}';
    } else {
        line = fmt::format(R"(time="{}" level={} msg={})",
                           rfc3339(clock_.now()),
                           level == LogLevel::warn ? "warning" : to_string(level),
                           in_quotes(message));
        for (const auto& [key, value] : fields)
            line += fmt::format(" {}={}", key, in_quotes(value.text()));
    }
    sink_(line);
}

bool Logger::is_sampled_out(LogLevel level, std::string_view message) {
    const auto second =
        std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
    if (second != counted_second_) {
        counts_.clear();
        counted_second_ = second;
    }
    const auto count = ++counts_[{level, std::string(message)}];
    return count > 100 && count % 100 != 0;
}

LogLevel log_level_named(std::string_view name) {
    if (name == "debug") return LogLevel::debug;
    if (name == "warn" || name == "warning") return LogLevel::warn;
    if (name == "error" || name == "fatal" || name == "panic") return LogLevel::error;
    return LogLevel::info;
}

}  // namespace sluice
