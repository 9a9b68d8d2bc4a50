#include "loadtester/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::loadtester {
namespace {

class Reading {
   public:
    Reading(const Grammar& grammar, const std::vector<std::string>& words)
        : grammar_(grammar), words_(words) {}

    Result<Arguments> all() {
        for (; at_ < words_.size(); ++at_) {
            const std::string_view word = words_[at_];
            if (word.size() < 2 || word[0] != '-') {
                read_.rest.emplace_back(word);
                continue;
            }
            const bool is_long = word.starts_with("--");
            auto taken = grammar_.letters && !is_long ? take_letters(word)
                                                      : take_name(word, is_long ? 2 : 1);
            if (!taken) return taken.error();
        }
        return std::move(read_);
    }

   private:
    Error wrong(std::string why) const {
        return {ErrorKind::invalid, fmt::format("{}: {}", grammar_.program, why)};
    }

    Result<void> take_value(std::string name, std::string_view shown) {
        if (at_ + 1 >= words_.size()) return wrong(fmt::format("option {} needs a value", shown));
        read_.options.emplace_back(std::move(name), words_[++at_]);
        return {};
    }

    Result<void> take_name(std::string_view word, std::size_t dashes) {
        auto name = word.substr(dashes);
        const auto equals = name.find('=');
        const auto bare = name.substr(0, equals);
        if (grammar_.alone.contains(bare)) {
            read_.options.emplace_back(bare, "");
            return {};
        }
        if (!grammar_.with_value.contains(bare)) {
            return wrong(fmt::format("unknown option {}", word.substr(0, dashes + bare.size())));
        }
        if (equals == std::string_view::npos) return take_value(std::string(bare), word);
        read_.options.emplace_back(bare, name.substr(equals + 1));
        return {};
    }

    Result<void> take_letters(std::string_view word) {
        for (std::size_t i = 1; i < word.size(); ++i) {
            const auto letter = word.substr(i, 1);
            if (grammar_.alone.contains(letter)) {
                read_.options.emplace_back(letter, "");
                continue;
            }
            if (!grammar_.with_value.contains(letter)) {
                return wrong(fmt::format("unknown option -{}", letter));
            }
            if (i + 1 == word.size()) {
                return take_value(std::string(letter), "-" + std::string(letter));
            }
            read_.options.emplace_back(letter, word.substr(i + 1));
            return {};
        }
        return {};
    }

    const Grammar& grammar_;
    const std::vector<std::string>& words_;
    std::size_t at_ = 0;
    Arguments read_;
};

}  // namespace

bool Arguments::has(std::string_view name) const {
    return std::ranges::any_of(options, [&](const auto& option) { return option.first == name; });
}

std::string Arguments::value(std::string_view name) const {
    const auto all = values(name);
    return all.empty() ? std::string{} : all.back();
}

std::vector<std::string> Arguments::values(std::string_view name) const {
    std::vector<std::string> found;
    for (const auto& [key, value] : options) {
        if (key == name) found.push_back(value);
    }
    return found;
}

Result<Arguments> read_arguments(const Grammar& grammar, const std::vector<std::string>& words) {
    return Reading(grammar, words).all();
}

}  // namespace sluice::loadtester
