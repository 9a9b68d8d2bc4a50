#include "loadtester/gates.hpp"

#include "base/core/json.hpp"

#include <boost/json.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace sluice::loadtester {
namespace {

// Anybody may ask about a gate of any name.
constexpr std::size_t gates_max = 10'000;

}  // namespace

Result<Gates> Gates::open(std::string state_file) {
    Gates gates;
    gates.file_ = std::move(state_file);
    if (gates.file_.empty()) return gates;
    if (std::filesystem::exists(gates.file_)) {
        std::ifstream file(gates.file_);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        const auto saved = parse_json(text);
        if (!saved) return saved.error().with("reading the gates in " + gates.file_);
        for (const auto& [gate, open] : object_at(*saved, {"gates"})) {
            if (open.is_bool()) gates.open_[std::string(gate)] = open.get_bool();
        }
    }
    const auto saved = gates.save();
    if (!saved) return saved.error();
    return gates;
}

bool Gates::is_open(const std::string& gate) {
    const auto found = open_.find(gate);
    if (found != open_.end()) return found->second;
    if (open_.size() < gates_max) open_[gate] = false;
    return false;
}

Result<void> Gates::set(const std::string& gate, bool open) {
    const bool known = open_.contains(gate);
    if (!known && open_.size() >= gates_max) {
        return Error{ErrorKind::too_many, "there are 10000 gates already"};
    }
    auto& is = open_[gate];
    if (known && is == open) return {};
    is = open;
    return save();
}

// Never half a file: a new one takes the place of the old.
Result<void> Gates::save() const {
    if (file_.empty()) return {};
    JsonObject gates;
    for (const auto& [gate, open] : open_) gates[gate] = open;
    const auto fresh = file_ + ".new";
    {
        std::ofstream file(fresh, std::ios::trunc);
        file << to_text(JsonObject{{"gates", std::move(gates)}}) << '\n';
        file.flush();
        if (!file) {
            return Error{ErrorKind::denied,
                         "writing the gates to " + fresh + ": " + std::strerror(errno)};
        }
    }
    if (std::rename(fresh.c_str(), file_.c_str()) == 0) return {};
    return Error{ErrorKind::denied, "writing the gates to " + file_ + ": " + std::strerror(errno)};
}

}  // namespace sluice::loadtester
