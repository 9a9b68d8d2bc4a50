// Lines that stay, and a block of lines below them that is redrawn. On anything but a terminal only
// the lines that stay, without escape codes.
#pragma once

#include <cstddef>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

struct TerminalStyle {
    bool live = false;
    bool colours = false;
};

// What a standard output that is a terminal (or isn't) can show. NO_COLOR takes the colours away,
// TERM=dumb the live block too.
TerminalStyle terminal_style(
    bool is_terminal, const std::function<std::optional<std::string>(std::string_view)>& variable);

// Escape codes take no room, a UTF-8 sequence takes one column.
std::size_t columns_of(std::string_view text);
// At most so many columns; what is left out shows as "…".
std::string cut(std::string_view text, std::size_t columns);
// Broken at spaces, later lines indented by `hang`. A word that is too long stays whole.
std::string wrapped(std::string_view text, std::size_t columns, std::size_t hang);

class Terminal {
   public:
    // Columns 0: as wide as the terminal is at the moment.
    explicit Terminal(TerminalStyle style, std::FILE* out = stdout, std::size_t columns = 0)
        : style_(style), out_(out), columns_(columns) {}
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    // Takes the live block away.
    ~Terminal() { clear(); }

    // As it is: what people may want to copy is never broken by us.
    void line(std::string_view text);
    // Wrapped at words on a terminal.
    void prose(std::string_view text, std::size_t hang);

    // Replaces the block at the bottom; nothing elsewhere than on a terminal.
    void live(std::vector<std::string> lines);
    void clear();
    bool is_live() const { return style_.live; }
    // What a line may take; no limit elsewhere than on a terminal.
    std::size_t width() const;
    // Nobody reads any more: the pipe was closed, or the terminal is gone.
    bool is_gone() const { return std::ferror(out_) != 0; }

    std::string bold(std::string_view text) const;
    std::string dim(std::string_view text) const;
    std::string green(std::string_view text) const;
    std::string red(std::string_view text) const;
    std::string blue(std::string_view text) const;

   private:
    std::string coloured(std::string_view code, std::string_view text) const;
    std::string to_top_of_block() const;
    std::string block() const;
    // One write, so that no half-drawn state is ever seen.
    void put(std::string_view text);

    TerminalStyle style_;
    std::FILE* out_;
    std::size_t columns_;
    std::vector<std::string> shown_;
};

}  // namespace sluice::cli
