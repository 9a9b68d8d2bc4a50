#include "cli/terminal.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <string>

using namespace sluice::cli;

namespace {

TerminalStyle style_with(bool is_terminal, std::map<std::string, std::string> variables) {
    return terminal_style(is_terminal,
                          [variables](std::string_view name) -> std::optional<std::string> {
                              const auto found = variables.find(std::string(name));
                              if (found == variables.end()) return std::nullopt;
                              return found->second;
                          });
}

// What a terminal of 20 columns is sent.
std::string written(TerminalStyle style, const std::function<void(Terminal&)>& write) {
    char* text = nullptr;
    std::size_t size = 0;
    auto* file = ::open_memstream(&text, &size);
    {
        Terminal terminal(style, file, 20);
        write(terminal);
    }
    std::fclose(file);
    std::string result(text, size);
    std::free(text);
    return result;
}

}  // namespace

TEST_CASE("colours and the live block are for terminals that have them") {
    CHECK(style_with(true, {}).live);
    CHECK(style_with(true, {{"TERM", "xterm"}}).colours);
    CHECK_FALSE(style_with(false, {{"TERM", "xterm"}}).live);
    CHECK_FALSE(style_with(false, {}).colours);
}

TEST_CASE("NO_COLOR takes the colours away and keeps the live block") {
    CHECK(style_with(true, {{"NO_COLOR", "1"}}).live);
    CHECK_FALSE(style_with(true, {{"NO_COLOR", "1"}}).colours);
    // An empty one counts as not set (no-color.org).
    CHECK(style_with(true, {{"NO_COLOR", ""}}).colours);
}

TEST_CASE("a dumb terminal gets plain lines") {
    CHECK_FALSE(style_with(true, {{"TERM", "dumb"}}).live);
    CHECK_FALSE(style_with(true, {{"TERM", "dumb"}}).colours);
}

TEST_CASE("columns are counted as people see them") {
    CHECK(columns_of("weight") == 6);
    CHECK(columns_of("\033[36m██░\033[0m") == 3);
    CHECK(columns_of("") == 0);
}

TEST_CASE("a line that is too long says that it was cut, and ends its colour") {
    CHECK(cut("podinfo", 7) == "podinfo");
    CHECK(cut("podinfo", 6) == "podin…");
    CHECK(cut("\033[31mpodinfo\033[0m", 5) == "\033[31mpodi…\033[0m");
    CHECK(cut("pod    info", 7) == "pod…");
    CHECK(columns_of(cut("███████", 5)) == 5);
}

TEST_CASE("text is wrapped at words and indented below") {
    CHECK(wrapped("  12:00 Halt podinfo.test", 30, 8) == "  12:00 Halt podinfo.test");
    CHECK(wrapped("  12:00 Halt podinfo.test", 20, 8) == "  12:00 Halt\n        podinfo.test");
    CHECK(wrapped("see http://a.very.long.name/", 10, 4) == "see\n    http://a.very.long.name/");
    CHECK(wrapped("", 10, 4).empty());
}

TEST_CASE("lines come above the live block, in one write, and the block goes at the end") {
    const auto text = written({.live = true}, [](Terminal& terminal) {
        terminal.live({"first", "second"});
        terminal.line("log");
    });
    CHECK(text == "first\nsecond\r\033[1A\033[Jlog\nfirst\nsecond\r\033[1A\033[J");
}

TEST_CASE("a block that is wider than the terminal is cut, so that it can be taken away") {
    const auto text = written({.live = true}, [](Terminal& terminal) {
        terminal.live({"0123456789012345678901234567890"});
    });
    CHECK(text == "012345678901234567…\r\033[J");
}

TEST_CASE("nothing but lines is written to a file") {
    const auto text = written({}, [](Terminal& terminal) {
        terminal.live({"first", "second"});
        terminal.prose("a line that is longer than twenty columns", 2);
        terminal.line(terminal.red("log"));
    });
    CHECK(text == "a line that is longer than twenty columns\nlog\n");
}
