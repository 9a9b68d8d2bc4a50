#include "web/assets.hpp"

#include "web/answer.hpp"

#ifdef SLUICE_WEB_ASSETS
#include "embedded/web_assets.hpp"
#endif

#include <algorithm>
#include <array>

namespace sluice::web {
namespace {

struct MediaType {
    std::string_view ending;
    std::string_view type;
};
constexpr std::array media_types{MediaType{".js", "text/javascript; charset=utf-8"},
                                 MediaType{".css", "text/css; charset=utf-8"},
                                 MediaType{".svg", "image/svg+xml"},
                                 MediaType{".png", "image/png"},
                                 MediaType{".woff2", "font/woff2"},
                                 MediaType{".txt", "text/plain; charset=utf-8"}};

std::string_view media_type_of(std::string_view name) {
    const auto* found = std::ranges::find_if(
        media_types, [&](const MediaType& one) { return name.ends_with(one.ending); });
    return found == media_types.end() ? "application/octet-stream" : found->type;
}

std::string with_base(std::string_view html, std::string_view base) {
    constexpr std::string_view root = "\"/ui/";
    std::string text;
    for (auto at = html.find(root); at != std::string_view::npos; at = html.find(root)) {
        text += html.substr(0, at);
        text += '"';
        text += base;
        text += "/ui/";
        html.remove_prefix(at + root.size());
    }
    text += html;
    return text;
}

}  // namespace

std::span<const EmbeddedFile> built_in_assets() {
#ifdef SLUICE_WEB_ASSETS
    return embedded::web_assets();
#else
    return {};
#endif
}

Assets::Assets(std::span<const EmbeddedFile> files, std::string_view base) : files_(files) {
    const auto index = std::ranges::find(files_, "index.html", &EmbeddedFile::name);
    if (index != files_.end()) index_ = with_base(index->text, base);
}

std::optional<net::Response> Assets::answer(const net::Request& request,
                                            std::string_view path) const {
    net::Response response;
    const auto file = std::ranges::find(files_, path, &EmbeddedFile::name);
    if (file == files_.end() || path == "index.html") {
        if (index_.empty()) return std::nullopt;
        response.headers.set("Content-Type", "text/html; charset=utf-8");
        put_safety(response.headers);
        response.body = index_;
        return response;
    }
    const auto etag = etag_of(file->text);
    response.headers.set("Cache-Control", "no-cache");
    response.headers.set("ETag", etag);
    put_safety(response.headers);
    if (has_already(request, etag)) {
        response.status = 304;
        return response;
    }
    response.headers.set("Content-Type", media_type_of(path));
    response.body = file->text;
    return response;
}

}  // namespace sluice::web
