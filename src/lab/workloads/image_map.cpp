#include "lab/workloads/image_map.hpp"

#include "base/core/text.hpp"

#include <algorithm>

namespace sluice::lab {
namespace {

constexpr auto crash_after = std::chrono::seconds{20};

std::string_view without_digest(std::string_view image) {
    return image.substr(0, image.find('@'));
}

// Where the tag's colon stands; one before a slash is a registry's port.
std::size_t tag_colon(std::string_view image) {
    const auto colon = image.rfind(':');
    if (colon == std::string_view::npos) return colon;
    return image.find('/', colon) == std::string_view::npos ? colon : std::string_view::npos;
}

}  // namespace

ImageMap::ImageMap() {
    put("*", std::string(apps::echo));
    put("podinfo:*", std::string(apps::podinfo));
    put("*/podinfo:*", std::string(apps::podinfo));
    put("*/podinfo", std::string(apps::podinfo));
    for (const auto* glob :
         {"flagger-loadtester:*", "*/flagger-loadtester:*", "*/flagger-loadtester"}) {
        put(glob, std::string(apps::load_tester));
    }
}

void ImageMap::put(std::string glob, std::string app) {
    entries_.emplace_back(std::move(glob), std::move(app));
}

std::string_view ImageMap::app_of(std::string_view image) const {
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
        if (glob_matches(entry->first, image)) return entry->second;
    }
    return apps::echo;
}

bool glob_matches(std::string_view glob, std::string_view text) {
    std::size_t g = 0;
    std::size_t t = 0;
    auto star = std::string_view::npos;
    std::size_t resume = 0;
    while (t < text.size()) {
        if (g < glob.size() && glob[g] == '*') {
            star = g++;
            resume = t;
        } else if (g < glob.size() && (glob[g] == text[t] || glob[g] == '?')) {
            ++g;
            ++t;
        } else if (star != std::string_view::npos) {
            g = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (g < glob.size() && glob[g] == '*') ++g;
    return g == glob.size();
}

std::string image_tag(std::string_view image) {
    const auto plain = without_digest(image);
    const auto colon = tag_colon(plain);
    return colon == std::string_view::npos ? "latest" : std::string(plain.substr(colon + 1));
}

bool is_image_reference(std::string_view image) {
    const auto plain = without_digest(image);
    const auto colon = tag_colon(plain);
    const auto repository = plain.substr(0, colon);
    if (repository.empty() || repository.front() == '/' || repository.back() == '/') return false;
    if (colon != std::string_view::npos) {
        const auto tag = plain.substr(colon + 1);
        const bool fine = std::ranges::all_of(tag, [](char c) {
            return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                   c == '.' || c == '-';
        });
        if (tag.empty() || !fine) return false;
    }
    // A registry's host may be upper-case; what follows it may not.
    const auto slash = repository.find('/');
    return std::ranges::all_of(repository, [&](const char& c) {
        const auto place = static_cast<std::size_t>(&c - repository.data());
        const bool in_host = slash != std::string_view::npos && place < slash;
        return is_digit(c) || (c >= 'a' && c <= 'z') || c == '_' || c == '.' || c == '-' ||
               c == '/' || c == ':' || (in_host && c >= 'A' && c <= 'Z');
    });
}

TagBehaviour behaviour_of(std::string_view tag) {
    TagBehaviour behaviour;
    behaviour.slow = tag.ends_with("-slow");
    behaviour.broken = tag.ends_with("-broken");
    behaviour.unready = tag.ends_with("-unready");
    behaviour.fails = tag.ends_with("-fail");
    if (tag.ends_with("-crash")) behaviour.exits_after = crash_after;
    return behaviour;
}

}  // namespace sluice::lab
