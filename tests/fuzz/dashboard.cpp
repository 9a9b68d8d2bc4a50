// What anybody may send to the dashboard: a target with its parameters, a Host, a page's token, and
// what Prometheus answers it.
#include "fuzz/fuzz.hpp"
#include "release/checks.hpp"
#include "release/versions.hpp"
#include "web/gate.hpp"
#include "web/listing.hpp"
#include "web/samples.hpp"
#include "web/series.hpp"

namespace sluice::fuzz {

void try_input(std::string_view input) {
    const auto [line, rest] = first_line_of(input);
    const web::Settings settings;
    if (web::is_own_host(line, settings)) {
        must(line.find_first_of("/@?#") == std::string_view::npos ||
                 line.find(':') != std::string_view::npos,
             "a host of ours is a name or an address");
    }
    static_cast<void>(web::objection_to_origin(
        {.headers = {{"Host", std::string(line)}, {"Origin", std::string(rest)}}}));
    static_cast<void>(release::version_of(line));
    static_cast<void>(release::limits_of(line));

    for (const auto status : {200, 500}) {
        if (const auto lines = web::read_lines(status, rest)) {
            for (const auto& one : *lines) {
                for (const auto& [at, value] : one.points) {
                    must(std::isfinite(at) && std::isfinite(value), "points are finite");
                }
            }
            const web::Prometheus::Grid grid{.from = 0, .to = 100, .step = 10};
            static_cast<void>(web::series_json({*lines, *lines, *lines, *lines}, grid, "a", ""));
        }
        static_cast<void>(web::read_samples(status, rest));
    }

    const auto asked = web::Asked::read(line);
    if (!asked) return;
    static_cast<void>(web::ReleaseFilter::read(*asked));
    if (const auto page = web::page_of(*asked)) {
        must(page->limit >= 1 && page->limit <= 1000, "a page has a length");
        const auto after = web::place_after(*page);
        if (after && *after) {
            const auto again = web::Asked::read("/x?continue=" + web::token_of(**after));
            must(again.has_value(), "a token is a parameter");
            const auto read = web::page_of(*again);
            must(read && web::place_after(*read) && **web::place_after(*read) == **after,
                 "a token leads where it was made");
        }
    }
    const auto series =
        web::series_asked(*asked, settings, std::nullopt, Time{std::chrono::seconds{1767225600}});
    if (series) {
        const auto points = (series->grid.to - series->grid.from) / series->grid.step + 1;
        must(points >= 1 && points <= 601, "a grid is bounded");
    }
}

}  // namespace sluice::fuzz
