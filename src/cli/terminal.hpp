// Lines that stay and one line that is redrawn below them. On anything but a terminal only the
// lines that stay.
#pragma once

#include <string>
#include <string_view>

namespace sluice::cli {

class Terminal {
   public:
    // `live`: standard output is a terminal.
    explicit Terminal(bool live) : live_(live) {}
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    // Takes the live line away.
    ~Terminal() { clear(); }

    void line(std::string_view text);
    // Replaces the line at the bottom; nothing elsewhere than on a terminal.
    void live(std::string_view text);
    void clear();
    bool is_live() const { return live_; }

    std::string bold(std::string_view text) const;
    std::string dim(std::string_view text) const;
    std::string green(std::string_view text) const;
    std::string red(std::string_view text) const;
    std::string blue(std::string_view text) const;

   private:
    std::string coloured(std::string_view code, std::string_view text) const;

    bool live_;
    std::string shown_;
};

}  // namespace sluice::cli
