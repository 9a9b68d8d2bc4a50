#include "cli/terminal.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

namespace sluice::cli {
namespace {

constexpr std::string_view normal = "\033[0m";

// The length of what stands at the front: an escape code, or one character of UTF-8.
struct Piece {
    std::size_t bytes = 0;
    bool is_escape = false;
};
Piece front_of(std::string_view text) {
    if (text.front() == '\033') {
        const auto end = text.find('m');
        return {end == std::string_view::npos ? text.size() : end + 1, true};
    }
    std::size_t bytes = 1;
    while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U)
        ++bytes;
    return {bytes, false};
}

}  // namespace

TerminalStyle terminal_style(
    bool is_terminal, const std::function<std::optional<std::string>(std::string_view)>& variable) {
    const bool is_live = is_terminal && variable("TERM").value_or("") != "dumb";
    return {.live = is_live, .colours = is_live && variable("NO_COLOR").value_or("").empty()};
}

std::size_t columns_of(std::string_view text) {
    std::size_t columns = 0;
    while (!text.empty()) {
        const auto piece = front_of(text);
        if (!piece.is_escape) ++columns;
        text.remove_prefix(piece.bytes);
    }
    return columns;
}

std::string cut(std::string_view text, std::size_t columns) {
    if (columns_of(text) <= columns) return std::string(text);
    std::string kept;
    bool has_escape = false;
    // The last column is the mark's.
    for (std::size_t used = 0; used + 1 < columns;) {
        const auto piece = front_of(text);
        if (piece.is_escape) {
            has_escape = true;
        } else {
            ++used;
        }
        kept += text.substr(0, piece.bytes);
        text.remove_prefix(piece.bytes);
    }
    while (kept.ends_with(' ')) kept.pop_back();
    kept += "…";
    if (has_escape) kept += normal;
    return kept;
}

std::string wrapped(std::string_view text, std::size_t columns, std::size_t hang) {
    std::string result;
    std::size_t used = 0;
    bool has_word = false;  // on the present line
    while (!text.empty()) {
        const auto spaces = std::min(text.find_first_not_of(' '), text.size());
        const auto end = std::min(text.find(' ', spaces), text.size());
        const auto word = text.substr(spaces, end - spaces);
        if (has_word && used + spaces + columns_of(word) > columns) {
            result += '\n';
            result.append(hang, ' ');
            used = hang;
        } else {
            result.append(spaces, ' ');
            used += spaces;
        }
        result += word;
        used += columns_of(word);
        has_word = true;
        text.remove_prefix(end);
    }
    return result;
}

void Terminal::line(std::string_view text) {
    put(fmt::format("{}{}\n{}", to_top_of_block(), text, block()));
}

void Terminal::prose(std::string_view text, std::size_t hang) {
    line(style_.live ? wrapped(text, width(), hang) : std::string(text));
}

void Terminal::live(std::vector<std::string> lines) {
    if (!style_.live || lines.empty()) return;
    const auto top = to_top_of_block();
    shown_ = std::move(lines);
    put(top + block());
}

void Terminal::clear() {
    if (shown_.empty()) return;
    put(to_top_of_block());
    shown_.clear();
}

// The cursor rests at the end of the block's last line.
std::string Terminal::to_top_of_block() const {
    if (shown_.empty()) return "";
    const auto up = shown_.size() - 1;
    return "\r" + (up > 0 ? fmt::format("\033[{}A", up) : std::string()) + "\033[J";
}

std::string Terminal::block() const {
    std::string text;
    for (const auto& each : shown_) {
        if (!text.empty()) text += '\n';
        // A line that the terminal breaks would be counted as one and leave its rest behind.
        text += cut(each, width());
    }
    return text;
}

void Terminal::put(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), out_);
    std::fflush(out_);
}

std::size_t Terminal::width() const {
    if (!style_.live) return std::string::npos;
    if (columns_ > 0) return columns_ - 1;
    // Not the last column: a terminal may go to the next line when it is written.
    winsize size{};
    const bool is_known = ::ioctl(::fileno(out_), TIOCGWINSZ, &size) == 0 && size.ws_col >= 20;
    return is_known ? size.ws_col - 1U : 99U;
}

std::string Terminal::coloured(std::string_view code, std::string_view text) const {
    return style_.colours ? fmt::format("\033[{}m{}{}", code, text, normal) : std::string(text);
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
