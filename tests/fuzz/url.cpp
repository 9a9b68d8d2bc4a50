// URLs and request targets: of configuration, of clients, and of whoever asks the mesh.
#include "base/core/text.hpp"
#include "fuzz/fuzz.hpp"
#include "lab/apiserver/api_request.hpp"
#include "lab/mesh/names.hpp"
#include "net/http.hpp"

namespace sluice::fuzz {

void try_input(std::string_view input) {
    must(percent_decoded(percent_encoded(input)) == input, "encoded and decoded again");
    static_cast<void>(percent_decoded(input, {.plus_is_blank = true}));

    if (const auto url = net::parse_url(input)) {
        must(url->target.starts_with('/') || url->target.starts_with('?'),
             "a target begins with a slash");
        must(!url->origin.host.empty(), "an origin has a host");
        const auto again = net::parse_url(to_string(url->origin) + url->target);
        must(again.has_value(), "what is printed can be read");
        must(again->origin == url->origin && again->target == url->target,
             "printed and read again");
    }

    net::Request request;
    request.target = std::string(input);
    request.headers.add("Accept", input);
    request.headers.add("Content-Type", input);
    const auto target = lab::api_target_of(request);
    static_cast<void>(lab::resource_path_of(target.segments));
    static_cast<void>(target.query.number("limit"));
    static_cast<void>(lab::form_asked(request));
    static_cast<void>(lab::media_type(request));

    const auto authority = mesh::parse_authority(input);
    must(lower_case(authority.host) == authority.host, "a host is in lower case");
    static_cast<void>(mesh::parse_ipv4(input));
    const auto [pattern, host] = first_line_of(input);
    static_cast<void>(mesh::covers(pattern, host));
    static_cast<void>(mesh::gateway_name(pattern, "test"));
    static_cast<void>(mesh::full_name(pattern, "test"));
}

}  // namespace sluice::fuzz
