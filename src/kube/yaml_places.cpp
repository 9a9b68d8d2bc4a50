#include "kube/yaml_places.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>

namespace sluice::kube {
namespace {

class Surveyor final : public YAML::EventHandler {
   public:
    std::vector<YamlPlaces> take() { return std::move(documents_); }

    void OnDocumentStart(const YAML::Mark&) override {
        frames_.clear();
        places_.clear();
        is_empty_ = true;
    }
    void OnDocumentEnd() override {
        if (!is_empty_) documents_.push_back(std::move(places_));
        places_ = {};
    }
    void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
        // A document of nothing is none.
        if (!frames_.empty()) scalar(mark, "");
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { scalar(mark, "*"); }
    void OnScalar(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t,
                  const std::string& value) override {
        const bool is_null = tag == "?" && (value.empty() || value == "~" || value == "null");
        if (frames_.empty() && is_null) return;
        scalar(mark, value);
    }
    void OnSequenceStart(const YAML::Mark& mark,
                         const std::string&,
                         YAML::anchor_t,
                         YAML::EmitterStyle::value) override {
        open(mark, false);
    }
    void OnSequenceEnd() override { frames_.pop_back(); }
    void OnMapStart(const YAML::Mark& mark,
                    const std::string&,
                    YAML::anchor_t,
                    YAML::EmitterStyle::value) override {
        open(mark, true);
    }
    void OnMapEnd() override { frames_.pop_back(); }

   private:
    struct Frame {
        std::string path;
        bool is_map = false;
        std::optional<std::string> key = std::nullopt;
        int key_line = 0;
        std::size_t index = 0;
    };

    // Notes the place of the value that comes now, and returns its path.
    std::string place(const YAML::Mark& mark) {
        is_empty_ = false;
        std::string path;
        int line = mark.line;
        if (!frames_.empty()) {
            auto& frame = frames_.back();
            if (frame.is_map) {
                const auto key = frame.key.value_or("");
                path = frame.path.empty() ? key : frame.path + "." + key;
                line = frame.key_line;
                frame.key.reset();
            } else {
                path = fmt::format("{}[{}]", frame.path, frame.index++);
            }
        }
        places_.emplace(path, static_cast<std::size_t>(std::max(line, 0)) + 1);
        return path;
    }

    void scalar(const YAML::Mark& mark, const std::string& value) {
        if (!frames_.empty() && frames_.back().is_map && !frames_.back().key) {
            frames_.back().key = value;
            frames_.back().key_line = mark.line;
            return;
        }
        place(mark);
    }

    void open(const YAML::Mark& mark, bool is_map) {
        auto path = place(mark);
        frames_.push_back({.path = std::move(path), .is_map = is_map});
    }

    std::vector<YamlPlaces> documents_;
    YamlPlaces places_;
    std::vector<Frame> frames_;
    bool is_empty_ = true;
};

}  // namespace

std::vector<YamlPlaces> yaml_places(std::string_view text) {
    // yaml-cpp says no by exceptions only; whoever reads the values has said so already.
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        Surveyor surveyor;
        while (parser.HandleNextDocument(surveyor)) {
        }
        return surveyor.take();
    } catch (const YAML::Exception&) {
        return {};
    }
}

std::size_t line_of(const YamlPlaces& places, std::string_view path) {
    for (;;) {
        if (const auto found = places.find(path); found != places.end()) return found->second;
        if (path.empty()) return 0;
        const auto end = path.find_last_of(".[");
        path = path.substr(0, end == std::string_view::npos ? 0 : end);
    }
}

}  // namespace sluice::kube
