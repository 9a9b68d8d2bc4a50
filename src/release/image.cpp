#include "release/image.hpp"

#include "base/core/text.hpp"
#include "release/sentence.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace sluice::release {
namespace {

constexpr std::size_t reference_max = 512;
constexpr std::size_t tag_max = 128;
constexpr std::size_t digest_min = 32;
constexpr std::array<std::string_view, 2> lists{"containers", "initContainers"};

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

bool is_letter(char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Words of small letters and digits, with ".", "_", "__" or any number of "-" between two.
bool is_path_part(std::string_view part) {
    const auto is_word = [](char c) { return is_lower(c) || is_digit(c); };
    if (part.empty() || !is_word(part.front()) || !is_word(part.back())) return false;
    for (std::size_t at = 0; at < part.size();) {
        if (is_word(part[at])) {
            ++at;
            continue;
        }
        const auto end = std::min(
            static_cast<std::size_t>(std::ranges::find_if(part.substr(at), is_word) - part.begin()),
            part.size());
        const auto between = part.substr(at, end - at);
        const bool is_known = between == "." || between == "_" || between == "__" ||
                              between.find_first_not_of('-') == std::string_view::npos;
        if (!is_known) return false;
        at = end;
    }
    return true;
}

// "registry.example:5000", "localhost".
bool is_host(std::string_view host) {
    const auto colon = host.find(':');
    if (colon != std::string_view::npos) {
        const auto port = host.substr(colon + 1);
        if (port.empty() || !std::ranges::all_of(port, is_digit)) return false;
        host = host.substr(0, colon);
    }
    for (const auto part : split(host, '.')) {
        const bool has_ends = !part.empty() && part.front() != '-' && part.back() != '-';
        const bool has_letters = std::ranges::all_of(
            part, [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
        if (!has_ends || !has_letters) return false;
    }
    return true;
}

bool is_tag(std::string_view tag) {
    return !tag.empty() && tag.size() <= tag_max && tag.front() != '.' && tag.front() != '-' &&
           std::ranges::all_of(tag, [](char c) {
               return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-';
           });
}

bool is_digest(std::string_view digest) {
    const auto colon = digest.find(':');
    if (colon == std::string_view::npos) return false;
    const auto algorithm = digest.substr(0, colon);
    const auto hex = digest.substr(colon + 1);
    return !algorithm.empty() && is_letter(algorithm.front()) &&
           std::ranges::all_of(algorithm,
                               [](char c) {
                                   return is_letter(c) || is_digit(c) || c == '+' || c == '.' ||
                                          c == '_' || c == '-';
                               }) &&
           hex.size() >= digest_min && std::ranges::all_of(hex, is_hex);
}

struct Found {
    std::string_view list;
    std::size_t index = 0;
    std::string_view image;
};
std::optional<Found> find_container(const Json& workload, std::string_view name) {
    for (const auto list : lists) {
        const auto& all = array_at(workload, {"spec", "template", "spec", list});
        for (std::size_t index = 0; index < all.size(); ++index) {
            if (text_at(all[index], {"name"}) == name) {
                return Found{list, index, text_at(all[index], {"image"})};
            }
        }
    }
    return std::nullopt;
}

std::string names_of(const Json& workload) {
    std::vector<std::string> names;
    for (const auto& one : container_images(workload)) names.push_back(one.container);
    return joined(names, ", ");
}

}  // namespace

std::vector<ContainerImage> container_images(const Json& workload) {
    std::vector<ContainerImage> images;
    for (const auto list : lists) {
        for (const auto& one : array_at(workload, {"spec", "template", "spec", list})) {
            images.push_back(
                {std::string(text_at(one, {"name"})), std::string(text_at(one, {"image"}))});
        }
    }
    return images;
}

bool is_image_reference(std::string_view text) {
    if (text.empty() || text.size() > reference_max) return false;
    if (const auto at = text.find('@'); at != std::string_view::npos) {
        if (!is_digest(text.substr(at + 1))) return false;
        text = text.substr(0, at);
    }
    const auto slash = text.rfind('/');
    const auto colon = text.rfind(':');
    const bool has_tag =
        colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
    if (has_tag) {
        if (!is_tag(text.substr(colon + 1))) return false;
        text = text.substr(0, colon);
    }
    auto parts = split(text, '/');
    // The first is a host where it can be no part of a path: by a dot, a port or its name.
    const bool has_host =
        parts.size() > 1 && (parts.front().find_first_of(".:") != std::string_view::npos ||
                             parts.front() == "localhost");
    if (has_host) {
        if (!is_host(parts.front())) return false;
        parts.erase(parts.begin());
    }
    return std::ranges::all_of(parts, is_path_part);
}

std::string objection_to_image(const ContainerImage& wanted,
                               const Json& workload,
                               const api::Canary& canary) {
    if (canary.deleting) return canary.dotted() + " is being deleted";
    const auto found = find_container(workload, wanted.container);
    if (wanted.container.empty() || !found) {
        return fmt::format("{} {} has no container {}; it has {}",
                           canary.target.kind,
                           canary.dotted(canary.target.name),
                           wanted.container.empty() ? "\"\"" : wanted.container,
                           names_of(workload));
    }
    if (wanted.image.empty()) return "the image is empty";
    if (!is_image_reference(wanted.image)) {
        return fmt::format("{} is no reference of an image", wanted.image.substr(0, 100));
    }
    if (found->image == wanted.image) {
        return fmt::format("container {} has this image already", wanted.container);
    }
    return {};
}

std::string_view consequence_of_image(const api::Canary& canary) {
    if (canary.suspended) return "is looked at when the release is resumed (it is paused)";
    return is_under_way(canary.status.phase) ? "begins the analysis anew with it"
                                             : "begins a release";
}

Json image_patch(const ContainerImage& wanted, const Json& workload) {
    const auto found = find_container(workload, wanted.container);
    SLUICE_ASSERT(found);
    const auto path = fmt::format("/spec/template/spec/{}/{}", found->list, found->index);
    return JsonArray{
        JsonObject{{"op", "test"}, {"path", path + "/name"}, {"value", wanted.container}},
        JsonObject{{"op", "test"}, {"path", path + "/image"}, {"value", found->image}},
        JsonObject{{"op", "replace"}, {"path", path + "/image"}, {"value", wanted.image}}};
}

}  // namespace sluice::release
