#include "cli/terminal.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

namespace sluice::cli {
namespace {

std::size_t columns() {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 100;
    return size.ws_col;
}

// Cut to the width, so that a redraw never leaves half a line behind. Escape codes take no width; a
// UTF-8 sequence one.
std::string cut(std::string_view text, std::size_t width) {
    std::string shown;
    std::size_t used = 0;
    bool escape = false;
    for (const char c : text) {
        if (c == '\033') escape = true;
        const bool continuation = (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
        if (!escape && !continuation && ++used > width) break;
        shown += c;
        if (escape && c == 'm') escape = false;
    }
    return shown + "\033[0m";
}

}  // namespace

void Terminal::line(std::string_view text) {
    const auto below = shown_;
    clear();
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
    if (!below.empty()) live(below);
    std::fflush(stdout);
}

void Terminal::live(std::string_view text) {
    if (!live_) return;
    shown_ = text;
    const auto visible = cut(text, columns() - 1);
    std::fputs("\r\033[K", stdout);
    std::fwrite(visible.data(), 1, visible.size(), stdout);
    std::fflush(stdout);
}

void Terminal::clear() {
    if (shown_.empty()) return;
    shown_.clear();
    std::fputs("\r\033[K", stdout);
    std::fflush(stdout);
}

std::string Terminal::coloured(std::string_view code, std::string_view text) const {
    return live_ ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

std::string Terminal::bold(std::string_view text) const {
    return coloured("1", text);
}
std::string Terminal::dim(std::string_view text) const {
    return coloured("2", text);
}
std::string Terminal::green(std::string_view text) const {
    return coloured("32", text);
}
std::string Terminal::red(std::string_view text) const {
    return coloured("31", text);
}
std::string Terminal::blue(std::string_view text) const {
    return coloured("36", text);
}

}  // namespace sluice::cli
