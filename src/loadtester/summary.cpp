// What hey and wrk print at their end, in their form.
#include "base/core/duration.hpp"
#include "loadtester/generator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace sluice::loadtester {
namespace {

constexpr int bars = 10;
constexpr int bar_width = 40;

double seconds_of(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

// Of a sorted list.
Duration percentile(const std::vector<Duration>& sorted, int percent) {
    const auto place = sorted.size() * static_cast<std::size_t>(percent) / 100;
    return sorted[std::min(place, sorted.size() - 1)];
}

std::string histogram(const std::vector<Duration>& sorted) {
    const auto fastest = seconds_of(sorted.front());
    const auto width = (seconds_of(sorted.back()) - fastest) / bars;
    std::array<std::size_t, bars + 1> counts{};
    for (const auto latency : sorted) {
        const auto place = width > 0 ? std::ceil((seconds_of(latency) - fastest) / width) : 0;
        ++counts[static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(bars)))];
    }
    const auto most = *std::ranges::max_element(counts);
    std::string text = "\nResponse time histogram:\n";
    for (std::size_t i = 0; i < counts.size(); ++i) {
        std::string bar;
        for (std::size_t mark = 0; mark < counts[i] * bar_width / most; ++mark) bar += "■";
        text += fmt::format(
            "  {:.3f} [{}]\t|{}\n", fastest + width * static_cast<double>(i), counts[i], bar);
    }
    return text;
}

std::string hey_summary(const LoadPlan& plan, const LoadResult& result) {
    auto sorted = result.latencies;
    std::ranges::sort(sorted);
    const auto total = seconds_of(result.took);
    std::string text;
    for (const auto& remark : plan.remarks) text += remark + "\n";
    text += "\nSummary:\n";
    text += fmt::format("  Total:\t{:.4f} secs\n", total);
    const auto answers = result.answers();
    if (!sorted.empty()) {
        double sum = 0;
        for (const auto latency : sorted) sum += seconds_of(latency);
        text += fmt::format("  Slowest:\t{:.4f} secs\n", seconds_of(sorted.back()));
        text += fmt::format("  Fastest:\t{:.4f} secs\n", seconds_of(sorted.front()));
        text += fmt::format("  Average:\t{:.4f} secs\n", sum / static_cast<double>(sorted.size()));
    }
    text += fmt::format("  Requests/sec:\t{:.4f}\n",
                        total > 0 ? static_cast<double>(answers) / total : 0.0);
    if (answers > 0) {
        text += fmt::format("\n  Total data:\t{} bytes\n  Size/request:\t{} bytes\n",
                            result.bytes,
                            result.bytes / answers);
    }
    if (!sorted.empty()) {
        text += histogram(sorted);
        text += "\n\nLatency distribution:\n";
        for (const int percent : {10, 25, 50, 75, 90, 95, 99}) {
            text += fmt::format(
                "  {}% in {:.4f} secs\n", percent, seconds_of(percentile(sorted, percent)));
        }
        text += "\nStatus code distribution:\n";
        for (const auto& [status, count] : result.statuses) {
            text += fmt::format("  [{}]\t{} responses\n", status, count);
        }
    }
    if (!result.errors.empty()) {
        text += "\nError distribution:\n";
        for (const auto& [error, count] : result.errors) {
            text += fmt::format("  [{}]\t{}\n", count, error);
        }
    }
    return text;
}

std::string wrk_summary(const LoadPlan& plan, const LoadResult& result) {
    const auto total = seconds_of(result.took);
    const auto answers = result.answers();
    const auto per_second = [&](std::uint64_t count) {
        return total > 0 ? static_cast<double>(count) / total : 0.0;
    };
    std::uint64_t failed = 0;
    for (const auto& [error, count] : result.errors) failed += count;
    std::uint64_t refused = 0;
    for (const auto& [status, count] : result.statuses) {
        if (status >= 400) refused += count;
    }
    auto sorted = result.latencies;
    std::ranges::sort(sorted);
    auto text = fmt::format("Running {} test @ {}\n  {} connections\n",
                            go_text(plan.lasts.value_or(result.took)),
                            plan.url,
                            plan.workers);
    if (!sorted.empty()) {
        text += "  Latency Distribution\n";
        for (const int percent : {50, 75, 90, 99}) {
            text += fmt::format(
                "     {}%  {:.2f}ms\n", percent, seconds_of(percentile(sorted, percent)) * 1000);
        }
    }
    text += fmt::format("  {} requests in {:.2f}s, {} bytes read\n", answers, total, result.bytes);
    if (failed > 0) text += fmt::format("  Socket errors: {}\n", failed);
    if (refused > 0) text += fmt::format("  Non-2xx or 3xx responses: {}\n", refused);
    text += fmt::format("Requests/sec: {:.2f}\nTransfer/sec: {:.2f}KB\n",
                        per_second(answers),
                        per_second(result.bytes) / 1024);
    return text;
}

}  // namespace

std::string summary(const LoadPlan& plan, const LoadResult& result) {
    switch (plan.style) {
        case LoadPlan::Style::hey:
            return hey_summary(plan, result);
        case LoadPlan::Style::wrk:
            return wrk_summary(plan, result);
    }
    SLUICE_ASSERT(false);
}

}  // namespace sluice::loadtester
