#include "cli/demo_view.hpp"

#include <fmt/format.h>

namespace sluice::cli {
namespace {

constexpr int bar_columns = 10;

std::string bar(int weight) {
    std::string text;
    const int full = (weight * bar_columns + 50) / 100;
    for (int i = 0; i < bar_columns; ++i) text += i < full ? "█" : "░";
    return text;
}

std::string success_text(const Flow& flow) {
    if (!flow.success_percent) return "–";
    // 99.6 % is not all of them.
    const double shown = *flow.success_percent;
    return shown >= 99.95 ? "100%" : fmt::format("{:.1f}%", shown);
}

std::string p99_text(const Flow& flow) {
    return flow.p99_ms ? fmt::format("{:.0f}ms", *flow.p99_ms) : "–";
}

std::string live_line(std::string_view role,
                      const VersionView& view,
                      const ReleaseView& release,
                      const Terminal& terminal) {
    const auto& flow = view.flow;
    auto success = fmt::format("{:>5} ok", success_text(flow));
    if (flow.success_percent && *flow.success_percent < release.success_min)
        success = terminal.red(success);
    auto p99 = fmt::format("p99 {:>6}", p99_text(flow));
    if (flow.p99_ms && *flow.p99_ms > release.p99_max_ms) p99 = terminal.red(p99);
    return fmt::format("  {:<7}  {:<10}  {:>3}%  {}  {:>4.1f} req/s  {}  {}",
                       role,
                       view.version,
                       view.weight,
                       terminal.blue(bar(view.weight)),
                       flow.per_second,
                       success,
                       p99);
}

std::string head(const ReleaseView& release) {
    auto text = "podinfo " + (release.phase.empty() ? "is new" : release.phase);
    if (release.failed_checks > 0)
        text += fmt::format(" · {} of {} failed checks", release.failed_checks, release.threshold);
    return text;
}

std::string plain(std::string_view role, const VersionView& view) {
    return fmt::format("{} {} {}% {:.1f} req/s {} ok p99 {}",
                       role,
                       view.version,
                       view.weight,
                       view.flow.per_second,
                       success_text(view.flow),
                       p99_text(view.flow));
}

}  // namespace

std::vector<std::string> live_block(const ReleaseView& release, const Terminal& terminal) {
    return {
        terminal.dim("  ── " + head(release) + " ──"),
        live_line("primary", release.primary, release, terminal),
        release.canary ? live_line("canary", *release.canary, release, terminal)
                       : terminal.dim("  canary   none runs"),
    };
}

std::string plain_line(const ReleaseView& release) {
    auto line = "  " + plain("primary", release.primary);
    if (release.canary) line += " | " + plain("canary", *release.canary);
    return line;
}

}  // namespace sluice::cli
