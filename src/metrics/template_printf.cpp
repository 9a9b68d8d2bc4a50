// Go's fmt.Sprintf for the values that a query can have, and its quoted texts.
#include "base/core/text.hpp"
#include "metrics/template_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>

namespace sluice::metrics::syntax {
namespace {

constexpr std::size_t width_max = text_max;

struct Verb {
    bool plus = false;
    bool minus = false;
    bool sharp = false;
    bool blank = false;
    bool zero = false;
    std::optional<std::size_t> width = {};
    std::optional<std::size_t> precision = {};
    std::string letter = {};  // one character, maybe of several bytes
};

bool starts_character(char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, starts_character));
}

std::string first_characters(std::string_view text, std::size_t count) {
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        if (starts_character(text[at]) && count-- == 0) break;
    }
    return std::string(text.substr(0, at));
}

std::string utf8(std::int64_t code) {
    const bool is_one = code >= 0 && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
    const auto point = static_cast<std::uint32_t>(is_one ? code : 0xFFFD);
    const auto byte = [](std::uint32_t bits) { return static_cast<char>(bits); };
    if (point < 0x80) return {byte(point)};
    if (point < 0x800) return {byte(0xC0 | (point >> 6)), byte(0x80 | (point & 0x3F))};
    if (point < 0x10000) {
        return {byte(0xE0 | (point >> 12)),
                byte(0x80 | ((point >> 6) & 0x3F)),
                byte(0x80 | (point & 0x3F))};
    }
    return {byte(0xF0 | (point >> 18)),
            byte(0x80 | ((point >> 12) & 0x3F)),
            byte(0x80 | ((point >> 6) & 0x3F)),
            byte(0x80 | (point & 0x3F))};
}

std::string padded(std::string text, const Verb& verb, bool zeros = false) {
    const auto length = characters(text);
    const auto width = verb.width.value_or(0);
    if (length >= width) return text;
    const auto missing = width - length;
    if (verb.minus) return text + std::string(missing, ' ');
    if (!zeros || !verb.zero) return std::string(missing, ' ') + text;
    const std::size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
    return text.insert(sign, missing, '0');
}

std::string signed_text(std::string digits, bool negative, const Verb& verb) {
    if (negative) return "-" + digits;
    if (verb.plus) return "+" + digits;
    if (verb.blank) return " " + digits;
    return digits;
}

std::string upper(std::string text) {
    for (auto& c : text) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return text;
}

std::string bad(const Verb& verb, const Value& value) {
    if (std::holds_alternative<std::monostate>(value)) return "%!" + verb.letter + "(<nil>)";
    return fmt::format("%!{}({}={})", verb.letter, type_of(value), shown(value));
}

std::optional<std::string> whole_text(const Verb& verb, std::int64_t value) {
    const char letter = verb.letter.front();
    if (letter == 'c') return padded(utf8(value), verb);
    if (letter == 'q') return padded("'" + utf8(value) + "'", verb);
    if (letter == 'U') return padded(fmt::format("U+{:04X}", value), verb);
    const bool negative = value < 0;
    const auto size =
        negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    std::string digits;
    std::string_view prefix;
    switch (letter) {
        case 'v':
        case 'd':
            digits = fmt::format("{}", size);
            break;
        case 'b':
            digits = fmt::format("{:b}", size);
            prefix = "0b";
            break;
        case 'o':
            digits = fmt::format("{:o}", size);
            prefix = "0";
            break;
        case 'x':
            digits = fmt::format("{:x}", size);
            prefix = "0x";
            break;
        case 'X':
            digits = fmt::format("{:X}", size);
            prefix = "0X";
            break;
        default:
            return std::nullopt;
    }
    if (verb.precision && digits.size() < *verb.precision) {
        digits.insert(0, *verb.precision - digits.size(), '0');
    }
    if (verb.sharp) digits.insert(0, prefix);
    return padded(signed_text(std::move(digits), negative, verb), verb, !verb.precision);
}

std::optional<std::string> float_text(const Verb& verb, double value) {
    const char letter = verb.letter.front();
    if (std::string_view("veEfFgG").find(letter) == std::string_view::npos) return std::nullopt;
    if (!std::isfinite(value)) {
        std::string text = std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
        if (text == "+Inf" && !verb.plus) text = verb.blank ? " Inf" : "+Inf";
        return padded(std::move(text), verb);
    }
    const bool shortest = (letter == 'v' || letter == 'g' || letter == 'G') && !verb.precision;
    const double size = std::fabs(value);
    std::string digits;
    if (shortest) {
        digits = go_number(size);
    } else {
        const auto precision = static_cast<int>(verb.precision.value_or(6));
        const auto form = letter == 'e' || letter == 'E'   ? std::chars_format::scientific
                          : letter == 'f' || letter == 'F' ? std::chars_format::fixed
                                                           : std::chars_format::general;
        std::string buffer(static_cast<std::size_t>(precision) + 400, '\0');
        const auto [end, error] =
            std::to_chars(buffer.data(), buffer.data() + buffer.size(), size, form, precision);
        if (error != std::errc{}) return std::nullopt;
        digits.assign(buffer.data(), end);
    }
    if (letter == 'E' || letter == 'G') digits = upper(std::move(digits));
    return padded(signed_text(std::move(digits), std::signbit(value), verb), verb, true);
}

std::string hex(std::string_view bytes, const Verb& verb) {
    std::string made;
    for (const char c : bytes) {
        if (verb.blank && !made.empty()) made += ' ';
        const auto byte = static_cast<unsigned char>(c);
        made += verb.letter == "X" ? fmt::format("{:02X}", byte) : fmt::format("{:02x}", byte);
    }
    return made;
}

std::optional<std::string> text_text(const Verb& verb, std::string_view value) {
    const auto cut = verb.precision ? first_characters(value, *verb.precision) : std::string(value);
    switch (verb.letter.front()) {
        case 'v':
        case 's':
            return padded(verb.sharp && verb.letter == "v" ? quoted(cut) : cut, verb);
        case 'q':
            if (verb.sharp && cut.find('`') == std::string::npos)
                return padded("`" + cut + "`", verb);
            return padded(quoted(cut), verb);
        case 'x':
        case 'X':
            return padded(hex(cut, verb), verb);
        default:
            return std::nullopt;
    }
}

std::string formatted(const Verb& verb, const Value& value) {
    if (verb.letter == "T") return padded(std::string(type_of(value)), verb);
    std::optional<std::string> made;
    if (std::holds_alternative<std::monostate>(value)) {
        if (verb.letter == "v") made = padded("<nil>", verb);
    } else if (const auto* flag = std::get_if<bool>(&value)) {
        const bool fits = verb.letter == "v" || verb.letter == "t";
        if (fits) made = padded(*flag ? "true" : "false", verb);
    } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
        made = whole_text(verb, *whole);
    } else if (const auto* number = std::get_if<double>(&value)) {
        made = float_text(verb, *number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
        made = text_text(verb, *text);
    } else if (const auto* entries = std::get_if<const Entries*>(&value)) {
        std::string inside;
        for (const auto& [key, entry] : **entries) {
            if (!inside.empty()) inside += ' ';
            inside += formatted(verb, key) + ":" + formatted(verb, entry);
            if (inside.size() > text_max) break;
        }
        return "map[" + inside + "]";
    }
    return made ? *made : bad(verb, value);
}

class Printer {
   public:
    Printer(std::string_view format, const std::vector<Value>& arguments)
        : format_(format), arguments_(arguments) {}

    Result<std::string> run() {
        while (at_ < format_.size()) {
            const auto percent = std::min(format_.find('%', at_), format_.size());
            made_ += format_.substr(at_, percent - at_);
            at_ = percent + 1;
            if (percent < format_.size()) verb();
            if (made_.size() > text_max) {
                return Error{ErrorKind::too_large,
                             fmt::format("a text of more than {} bytes", text_max)};
            }
        }
        if (!reordered_ && used_ < arguments_.size()) surplus();
        return std::move(made_);
    }

   private:
    bool done() const { return at_ >= format_.size(); }

    void verb() {
        Verb verb;
        wrong_index_ = false;
        flags(verb);
        index();
        verb.width = number(verb, "%!(BADWIDTH)");
        if (!done() && format_[at_] == '.') {
            ++at_;
            index();
            auto precision = number(verb, "%!(BADPREC)");
            verb.precision = precision.value_or(0);
        }
        index();
        if (done()) {
            made_ += "%!(NOVERB)";
            return;
        }
        const auto from = at_++;
        while (!done() && !starts_character(format_[at_])) ++at_;
        verb.letter = format_.substr(from, at_ - from);
        if (verb.letter == "%") {
            made_ += '%';
        } else if (wrong_index_) {
            made_ += fmt::format("%!{}(BADINDEX)", verb.letter);
        } else if (used_ >= arguments_.size()) {
            made_ += fmt::format("%!{}(MISSING)", verb.letter);
        } else {
            made_ += formatted(verb, arguments_[used_++]);
        }
    }

    void flags(Verb& verb) {
        for (; !done(); ++at_) {
            switch (format_[at_]) {
                case '+':
                    verb.plus = true;
                    continue;
                case '-':
                    verb.minus = true;
                    continue;
                case '#':
                    verb.sharp = true;
                    continue;
                case ' ':
                    verb.blank = true;
                    continue;
                case '0':
                    verb.zero = true;
                    continue;
                default:
                    return;
            }
        }
    }

    // [2]: the second argument is next.
    void index() {
        if (done() || format_[at_] != '[') return;
        reordered_ = true;
        const auto end = format_.find(']', at_);
        if (end == std::string_view::npos) {
            wrong_index_ = true;
            ++at_;
            return;
        }
        const auto which = parse_integer(format_.substr(at_ + 1, end - at_ - 1));
        at_ = end + 1;
        if (!which || *which < 1 || *which > static_cast<std::int64_t>(arguments_.size())) {
            wrong_index_ = true;
            return;
        }
        used_ = static_cast<std::size_t>(*which) - 1;
    }

    std::optional<std::size_t> number(Verb& verb, std::string_view complaint) {
        if (!done() && format_[at_] == '*') {
            ++at_;
            const auto* given = used_ < arguments_.size()
                                    ? std::get_if<std::int64_t>(&arguments_[used_++])
                                    : nullptr;
            const auto most = static_cast<std::int64_t>(width_max);
            if (given == nullptr || *given > most || *given < -most) {
                made_ += complaint;
                return std::nullopt;
            }
            if (*given < 0) verb.minus = true;
            return static_cast<std::size_t>(std::abs(*given));
        }
        std::optional<std::size_t> value;
        while (!done() && is_digit(format_[at_])) {
            value = std::min(value.value_or(0) * 10 + static_cast<std::size_t>(format_[at_] - '0'),
                             width_max + 1);
            ++at_;
        }
        if (value && *value > width_max) {
            made_ += complaint;
            return std::nullopt;
        }
        return value;
    }

    void surplus() {
        made_ += "%!(EXTRA ";
        for (std::size_t i = used_; i < arguments_.size(); ++i) {
            if (i > used_) made_ += ", ";
            const auto& value = arguments_[i];
            made_ += std::holds_alternative<std::monostate>(value)
                         ? "<nil>"
                         : fmt::format("{}={}", type_of(value), shown(value));
        }
        made_ += ')';
    }

    std::string_view format_;
    const std::vector<Value>& arguments_;
    std::size_t at_ = 0;
    std::size_t used_ = 0;
    bool reordered_ = false;
    bool wrong_index_ = false;
    std::string made_;
};

// One character behind a backslash; moves `at` past it.
std::optional<std::string> escaped(std::string_view source, std::size_t& at, char quote) {
    constexpr std::string_view letters = "abfnrtv\\";
    constexpr std::string_view meant = "\a\b\f\n\r\t\v\\";
    if (at >= source.size()) return std::nullopt;
    const char c = source[at++];
    if (const auto which = letters.find(c); which != std::string_view::npos) {
        return std::string(1, meant[which]);
    }
    if (c == quote) return std::string(1, c);
    std::size_t digits = 0;
    int base = 16;
    if (c == 'x') digits = 2;
    if (c == 'u') digits = 4;
    if (c == 'U') digits = 8;
    if (c >= '0' && c <= '7') {
        digits = 3;
        base = 8;
        --at;
    }
    if (digits == 0 || at + digits > source.size()) return std::nullopt;
    std::uint32_t code = 0;
    const auto* begin = source.data() + at;
    const auto [end, error] = std::from_chars(begin, begin + digits, code, base);
    if (error != std::errc{} || end != begin + digits) return std::nullopt;
    at += digits;
    if (c == 'u' || c == 'U') {
        if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return std::nullopt;
        return utf8(code);
    }
    if (code > 255) return std::nullopt;
    return std::string(1, static_cast<char>(code));
}

}  // namespace

Result<std::string> go_printf(std::string_view format, const std::vector<Value>& arguments) {
    return Printer(format, arguments).run();
}

std::string quoted(std::string_view text) {
    std::string made = "\"";
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        constexpr std::string_view letters = "abfnrtv";
        constexpr std::string_view meant = "\a\b\f\n\r\t\v";
        if (c == '"' || c == '\\') {
            made += '\\';
            made += c;
        } else if (const auto which = meant.find(c); which != std::string_view::npos) {
            made += '\\';
            made += letters[which];
        } else if (code < 0x20 || code == 0x7f) {
            made += fmt::format("\\x{:02x}", code);
        } else {
            made += c;
        }
    }
    return made + "\"";
}

std::optional<std::string> unquoted(std::string_view source) {
    if (source.size() < 2) return std::nullopt;
    const auto inside = source.substr(1, source.size() - 2);
    std::string made;
    if (source.front() == '`') {
        std::ranges::copy_if(inside, std::back_inserter(made), [](char c) { return c != '\r'; });
        return made;
    }
    for (std::size_t at = 0; at < inside.size();) {
        if (inside[at] != '\\') {
            made += inside[at++];
            continue;
        }
        const auto character = escaped(inside, ++at, '"');
        if (!character) return std::nullopt;
        made += *character;
    }
    return made;
}

std::optional<std::int64_t> character_of(std::string_view source) {
    if (source.size() < 3) return std::nullopt;
    const auto inside = source.substr(1, source.size() - 2);
    std::string bytes(inside);
    if (inside.front() == '\\') {
        std::size_t at = 1;
        const auto character = escaped(inside, at, '\'');
        if (!character || at != inside.size()) return std::nullopt;
        bytes = *character;
        if (bytes.size() == 1) return static_cast<unsigned char>(bytes.front());
    }
    if (!is_utf8(bytes) || characters(bytes) != 1) return std::nullopt;
    const auto lead = static_cast<unsigned char>(bytes.front());
    std::int64_t code = lead < 0x80 ? lead : lead & (0x7F >> bytes.size());
    for (std::size_t i = 1; i < bytes.size(); ++i) {
        code = (code << 6) | (static_cast<unsigned char>(bytes[i]) & 0x3F);
    }
    return code;
}

}  // namespace sluice::metrics::syntax
