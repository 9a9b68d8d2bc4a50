#include "kube/yaml.hpp"

#include "base/core/text.hpp"
#include "base/core/time.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cmath>
#include <map>
#include <sstream>

namespace sluice::kube {
namespace {

// Leaves yaml-cpp's parser from within a callback; caught in parse_yaml_documents.
struct Refusal {
    Error error;
};

[[noreturn]] void refuse(const YAML::Mark& mark, std::string_view why) {
    throw Refusal{{ErrorKind::bad_answer, fmt::format("line {}: {}", mark.line + 1, why)}};
}

[[noreturn]] void refuse_size(const YAML::Mark& mark, std::string_view why) {
    throw Refusal{{ErrorKind::too_large, fmt::format("line {}: {}", mark.line + 1, why)}};
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

// Go's strconv.ParseInt(text, 0, 64) of a text without underscores: 0x, 0o, 0b and 0 name the base.
std::optional<Json> integer_of(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    int base = 10;
    if (text.size() > 1 && text[0] == '0') {
        const char mark = static_cast<char>(text[1] | 0x20);
        base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
        text.remove_prefix(base == 8 && mark != 'o' ? 1 : 2);
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    constexpr auto edge = static_cast<std::uint64_t>(INT64_MAX);
    if (negative) {
        if (value > edge + 1) return std::nullopt;
        return Json(static_cast<std::int64_t>(0 - value));
    }
    if (value > edge) return Json(value);
    return Json(static_cast<std::int64_t>(value));
}

// ^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$
bool looks_like_float(std::string_view text) {
    std::size_t at = 0;
    const auto digits = [&] {
        const auto from = at;
        while (at < text.size() && is_digit(text[at])) ++at;
        return at - from;
    };
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const auto whole = digits();
    if (at < text.size() && text[at] == '.') {
        ++at;
        if (digits() == 0 && whole == 0) return false;
    } else if (whole == 0) {
        return false;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
        if (digits() == 0) return false;
    }
    return at == text.size();
}

std::optional<Json> float_of(std::string_view text) {
    if (!looks_like_float(text)) return std::nullopt;
    if (text.starts_with('+')) text.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || !std::isfinite(value)) return std::nullopt;
    // Go writes a whole float as an integer when it becomes JSON.
    if (std::nearbyint(value) == value && std::fabs(value) < 9e15)
        return Json(static_cast<std::int64_t>(value));
    return Json(value);
}

bool is_no_json_number(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return is_one_of(text, {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"});
}

// What a plain scalar is by YAML 1.1; nothing when it is text.
std::optional<Json> resolved(std::string_view text) {
    if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return Json(nullptr);
    if (is_one_of(text, {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}))
        return Json(true);
    if (is_one_of(text,
                  {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}))
        return Json(false);
    const char first = text.front();
    if (!is_digit(first) && first != '-' && first != '+' && first != '.') return std::nullopt;
    std::string plain(text);
    std::erase(plain, '_');
    if (auto integer = integer_of(plain)) return integer;
    return float_of(plain);
}

class Builder final : public YAML::EventHandler {
   public:
    explicit Builder(const YamlLimits& limits) : limits_(limits) {}

    std::vector<Json> take() { return std::move(documents_); }

    void OnDocumentStart(const YAML::Mark&) override {
        frames_.clear();
        anchors_.clear();
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        place(mark, anchor, nullptr, "null");
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) refuse(mark, "an alias inside of what it names");
        repeated_ += found->second.values;
        if (repeated_ > limits_.repeated) refuse_size(mark, "aliases repeat too much");
        count(mark, found->second.values);
        const Json copy = found->second.value;
        place_counted(mark, 0, copy, copy.is_string() ? std::string_view(copy.get_string()) : "");
    }

    void OnScalar(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  const std::string& value) override {
        if (tag == "?" && value == "<<" && wants_key()) {
            count(mark, 1);
            frames_.back().key = Key{.text = "<<", .is_merge = true};
            return;
        }
        place(mark, anchor, scalar(mark, tag, value), value);
    }

    void OnSequenceStart(const YAML::Mark& mark,
                         const std::string&,
                         YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(mark, anchor, JsonArray{});
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark,
                    const std::string&,
                    YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(mark, anchor, JsonObject{});
    }
    void OnMapEnd() override {
        auto& frame = frames_.back();
        auto& object = frame.value.get_object();
        for (const auto& merged : frame.merged) {
            for (const auto& [key, value] : merged) {
                if (!object.contains(key)) object[key] = value;
            }
        }
        close();
    }

   private:
    struct Key {
        std::string text;
        bool is_merge = false;
    };
    struct Frame {
        YAML::Mark mark;
        YAML::anchor_t anchor;
        std::size_t values_before;
        Json value;
        std::optional<Key> key = std::nullopt;
        std::vector<JsonObject> merged = {};
    };
    struct Anchor {
        Json value;
        std::size_t values;
    };

    bool wants_key() const {
        return !frames_.empty() && frames_.back().value.is_object() && !frames_.back().key;
    }

    void count(const YAML::Mark& mark, std::size_t values) {
        values_ += values;
        if (values_ > limits_.values)
            refuse_size(mark, fmt::format("more than {} values", limits_.values));
    }

    Json scalar(const YAML::Mark& mark, const std::string& tag, const std::string& value) const {
        constexpr std::string_view core = "tag:yaml.org,2002:";
        if (!is_utf8(value)) refuse(mark, "text that is not UTF-8");
        if (tag == "?") {
            if (is_no_json_number(value)) refuse(mark, value + " cannot be said in JSON");
            return resolved(value).value_or(Json(value));
        }
        if (!tag.starts_with(core)) return Json(value);
        const auto kind = std::string_view(tag).substr(core.size());
        if (kind == "binary") {
            std::string packed;
            for (const char c : value) {
                if (c != ' ' && c != '\n') packed += c;
            }
            const auto bytes = from_base64(packed);
            if (!bytes || !is_utf8(*bytes)) refuse(mark, "!!binary that is not base64 of a text");
            return Json(*bytes);
        }
        if (!is_one_of(kind, {"int", "float", "bool", "null"})) return Json(value);
        auto found = resolved(value);
        const bool fits = found && (kind == "null"   ? found->is_null()
                                    : kind == "bool" ? found->is_bool()
                                                     : found->is_number());
        if (!fits) refuse(mark, fmt::format("!!{} that is none: {}", kind, value));
        return *std::move(found);
    }

    void open(const YAML::Mark& mark, YAML::anchor_t anchor, Json value) {
        if (frames_.size() >= limits_.depth)
            refuse_size(mark, fmt::format("nested deeper than {}", limits_.depth));
        if (wants_key()) refuse(mark, "a key that is not a scalar");
        const auto before = values_;
        count(mark, 1);
        frames_.push_back(
            {.mark = mark, .anchor = anchor, .values_before = before, .value = std::move(value)});
    }

    void close() {
        Frame done = std::move(frames_.back());
        frames_.pop_back();
        keep_anchor(done.mark, done.anchor, done.value, values_ - done.values_before);
        put_into_parent(done.mark, std::move(done.value), "");
    }

    void place(const YAML::Mark& mark, YAML::anchor_t anchor, Json value, std::string_view text) {
        count(mark, 1);
        place_counted(mark, anchor, std::move(value), text);
    }

    void place_counted(const YAML::Mark& mark,
                       YAML::anchor_t anchor,
                       Json value,
                       std::string_view text) {
        keep_anchor(mark, anchor, value, 1);
        put_into_parent(mark, std::move(value), text);
    }

    // What an anchor keeps is a copy, so it counts too.
    void keep_anchor(const YAML::Mark& mark,
                     YAML::anchor_t anchor,
                     const Json& value,
                     std::size_t values) {
        if (anchor == 0) return;
        count(mark, values);
        anchors_[anchor] = {value, values};
    }

    void put_into_parent(const YAML::Mark& mark, Json value, std::string_view text) {
        if (frames_.empty()) {
            if (!value.is_null()) documents_.push_back(std::move(value));
            return;
        }
        auto& parent = frames_.back();
        if (auto* array = parent.value.if_array()) {
            array->push_back(std::move(value));
        } else if (!parent.key) {
            parent.key = Key{.text = key_text(mark, value, text)};
            if (parent.value.get_object().contains(parent.key->text))
                refuse(mark, fmt::format("key \"{}\" already set in map", parent.key->text));
        } else if (std::exchange(parent.key->is_merge, false)) {
            merge(mark, parent, value);
            parent.key.reset();
        } else {
            parent.value.get_object()[parent.key->text] = std::move(value);
            parent.key.reset();
        }
    }

    static std::string key_text(const YAML::Mark& mark, const Json& value, std::string_view text) {
        if (value.is_string()) return std::string(value.get_string());
        if (value.is_bool()) return value.get_bool() ? "true" : "false";
        if (const auto* real = value.if_double()) return go_number(*real);
        if (value.is_number()) return to_text(value);
        if (value.is_null()) refuse(mark, "a key that is null");
        refuse(mark, fmt::format("a key that is not a scalar {}", text));
    }

    static void merge(const YAML::Mark& mark, Frame& parent, const Json& value) {
        if (value.is_object()) {
            parent.merged.push_back(value.get_object());
            return;
        }
        const auto* list = value.if_array();
        if (list == nullptr)
            refuse(mark, "map merge requires map or sequence of maps as the value");
        for (const auto& member : *list) {
            if (!member.is_object())
                refuse(mark, "map merge requires map or sequence of maps as the value");
            parent.merged.push_back(member.get_object());
        }
    }

    const YamlLimits& limits_;
    std::vector<Json> documents_;
    std::vector<Frame> frames_;
    std::map<YAML::anchor_t, Anchor> anchors_;
    std::size_t values_ = 0;
    std::size_t repeated_ = 0;
};

// ---- Writing ----

bool has_control_characters(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
}

// Everything that some YAML reader takes for a time, a date or a number to base 60.
bool looks_like_time(std::string_view text) {
    if (text.empty() || !is_digit(text.front())) return false;
    return text.find(':') != std::string_view::npos ||
           (text.size() >= 8 && is_digit(text[1]) && text.find('-') != std::string_view::npos &&
            text.find_first_not_of("0123456789-TZtz .+") == std::string_view::npos);
}

bool is_plain(std::string_view text) {
    const char first = text.front();
    const bool safe_start = std::isalnum(static_cast<unsigned char>(first)) != 0 || first == '_' ||
                            first == '/' || first == '.' || first == '$' || first == '(';
    return safe_start && text.back() != ' ' && text.back() != ':' &&
           text.find(": ") == std::string_view::npos && text.find(" #") == std::string_view::npos &&
           text != "...";
}

std::string double_quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c == '\r') {
            out += "\\r";
        } else if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    return out + "\"";
}

std::string one_line(std::string_view text) {
    if (text.empty()) return "\"\"";
    if (has_control_characters(text)) return double_quoted(text);
    if (resolved(text) || is_no_json_number(text) || looks_like_time(text))
        return double_quoted(text);
    if (is_plain(text)) return std::string(text);
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') out += '\'';
        out += c;
    }
    return out + "'";
}

bool fits_in_block(std::string_view text) {
    if (text.find('\n') == std::string_view::npos) return false;
    if (text.front() == '\n' || text.front() == ' ' || text.front() == '\t') return false;
    for (const auto line : split(text, '\n')) {
        if (has_control_characters(line) || line.ends_with(' ')) return false;
    }
    return true;
}

class Writer {
   public:
    std::string take() { return std::move(out_); }

    // Starts where the line stands now; `indent` is that of the value's own lines.
    void value(const Json& what, std::size_t indent) {
        if (const auto* object = what.if_object(); object != nullptr && !object->empty()) {
            mapping(*object, indent);
        } else if (const auto* array = what.if_array(); array != nullptr && !array->empty()) {
            sequence(*array, indent);
        } else {
            leaf(what, indent);
        }
    }

   private:
    void mapping(const JsonObject& object, std::size_t indent) {
        bool first = true;
        for (const auto& [key, member] : object) {
            if (!first) out_.append(indent, ' ');
            first = false;
            const auto text = one_line(key);
            // YAML takes a key without the mark up to 1024 characters only; kubectl marks sooner.
            const bool is_long = text.size() > 128;
            if (is_long) out_ += "? ";
            out_ += text;
            if (is_long) {
                out_ += '\n';
                out_.append(indent, ' ');
            }
            out_ += ':';
            const bool nested_map = member.is_object() && !member.get_object().empty();
            const bool nested_list = member.is_array() && !member.get_array().empty();
            if (nested_map) {
                out_ += '\n';
                out_.append(indent + 2, ' ');
                value(member, indent + 2);
            } else if (nested_list) {
                // kubectl keeps the dashes below the key.
                const auto dashes = is_long ? indent + 2 : indent;
                out_ += '\n';
                out_.append(dashes, ' ');
                value(member, dashes);
            } else {
                out_ += ' ';
                leaf(member, indent + 2);
            }
        }
    }

    void sequence(const JsonArray& array, std::size_t indent) {
        bool first = true;
        for (const auto& member : array) {
            if (!first) out_.append(indent, ' ');
            first = false;
            out_ += "- ";
            value(member, indent + 2);
        }
    }

    void leaf(const Json& what, std::size_t indent) {
        const auto* text = what.if_string();
        if (text == nullptr) {
            out_ += what.is_double() ? go_number(what.get_double()) : to_text(what);
            out_ += '\n';
        } else if (fits_in_block(*text)) {
            block(*text, std::max<std::size_t>(indent, 2));
        } else {
            out_ += one_line(*text);
            out_ += '\n';
        }
    }

    void block(std::string_view text, std::size_t indent) {
        const bool ends_line = text.ends_with('\n');
        const bool keeps_more = text.ends_with("\n\n");
        out_ += !ends_line ? "|-\n" : keeps_more ? "|+\n" : "|\n";
        if (ends_line) text.remove_suffix(1);
        for (const auto line : split(text, '\n')) {
            if (!line.empty()) out_.append(indent, ' ');
            out_ += line;
            out_ += '\n';
        }
    }

    std::string out_;
};

}  // namespace

Result<std::vector<Json>> parse_yaml_documents(std::string_view text, const YamlLimits& limits) {
    if (text.size() > limits.bytes) {
        return Error{
            ErrorKind::too_large,
            fmt::format("YAML of {} bytes is over the limit of {}", text.size(), limits.bytes)};
    }
    // JSON has escapes and blanks that a YAML parser takes amiss.
    if (const auto body = trimmed(text); body.starts_with('{') || body.starts_with('[')) {
        auto value = parse_json(body, {.depth = limits.depth, .bytes = limits.bytes});
        if (value) {
            std::vector<Json> documents;
            documents.push_back(*std::move(value));
            return documents;
        }
        if (value.error().kind == ErrorKind::too_large) return value.error();
    }

    // yaml-cpp says no by exceptions only, so they end here.
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        Builder builder(limits);
        while (parser.HandleNextDocument(builder)) {
        }
        return builder.take();
    } catch (const Refusal& refusal) {
        return refusal.error;
    } catch (const YAML::DeepRecursion& deep) {
        return Error{ErrorKind::too_large,
                     fmt::format("line {}: nested too deep", deep.mark.line + 1)};
    } catch (const YAML::Exception& malformed) {
        return Error{ErrorKind::bad_answer,
                     fmt::format("line {}: {}", malformed.mark.line + 1, malformed.msg)};
    }
}

std::string to_yaml(const Json& value) {
    Writer writer;
    writer.value(value, 0);
    return writer.take();
}

}  // namespace sluice::kube
