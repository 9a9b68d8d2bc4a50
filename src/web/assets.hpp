// The page's own files, as they travel in the binary. They hold no data.
#pragma once

#include "base/core/embedded.hpp"
#include "net/http.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::web {

// The files of web/dist; none where the binary was built without them.
std::span<const EmbeddedFile> built_in_assets();

class Assets {
   public:
    // `base` is what stands before /ui. The files outlive this.
    Assets(std::span<const EmbeddedFile> files, std::string_view base);

    // What `<base>/ui/<path>` is answered with: a file, or index.html for every other path, as the
    // page finds its own way. Nothing when there is no page at all.
    std::optional<net::Response> answer(const net::Request& request, std::string_view path) const;

   private:
    std::span<const EmbeddedFile> files_;
    std::string index_;  // with the base path in it
};

}  // namespace sluice::web
