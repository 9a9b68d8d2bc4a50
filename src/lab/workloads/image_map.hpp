// Which built-in app runs an image (kubernetes.md D.2). Globs are matched against the whole
// reference, "stefanprodan/podinfo:6.0.0"; `*` stands for anything, slashes too.
#pragma once

#include "base/core/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::lab {

// Names of apps that every lab has.
namespace apps {
inline constexpr std::string_view podinfo = "podinfo";
inline constexpr std::string_view echo = "echo";
// Made by whoever knows the way to the mesh (load_tester_app.hpp).
inline constexpr std::string_view load_tester = "loadtester";
// Cannot be pulled.
inline constexpr std::string_view bad = "bad";
// Runs inside the lab's own process: the controller.
inline constexpr std::string_view in_process = "in-process";
}  // namespace apps

class ImageMap {
   public:
    // Any */podinfo:TAG is the podinfo work-alike, any */flagger-loadtester:TAG the load tester,
    // every other image the echo app.
    ImageMap();

    // Later entries win.
    void put(std::string glob, std::string app);
    std::string_view app_of(std::string_view image) const;

   private:
    std::vector<std::pair<std::string, std::string>> entries_;
};

bool glob_matches(std::string_view glob, std::string_view text);

// "6.1.0-slow" of "ghcr.io/x/podinfo:6.1.0-slow@sha256:…"; "latest" when there is none.
std::string image_tag(std::string_view image);
// False for what no registry could name: blanks, upper-case repositories, an empty tag.
bool is_image_reference(std::string_view image);

// What the ending of a tag promises of its app.
struct TagBehaviour {
    bool slow = false;                                   // -slow: every 20th answer after 1.2 s
    bool broken = false;                                 // -broken: every 20th answer is a 500
    bool unready = false;                                // -unready: never gets ready
    bool fails = false;                                  // -fail: a Job's work does not succeed
    std::optional<Duration> exits_after = std::nullopt;  // -crash: 20 s
};
TagBehaviour behaviour_of(std::string_view tag);

}  // namespace sluice::lab
