#include "lab/apiserver/protobuf.hpp"

#include "base/core/text.hpp"
#include "lab/apiserver/protobuf_tables.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace sluice::lab {

namespace {

constexpr std::string_view magic{"k8s\0", 4};

Status malformed(std::string why) {
    return Status{400, "BadRequest", "the object provided could not be decoded: " + std::move(why)};
}

// The bytes of one message, taken field by field.
class WireReader {
   public:
    explicit WireReader(std::string_view bytes) : rest_(bytes) {}

    struct Field {
        std::uint32_t number = 0;
        int wire_type = 0;
        std::uint64_t number_value = 0;
        std::string_view bytes = {};

        bool is_zero() const { return wire_type == 2 ? bytes.empty() : number_value == 0; }
    };

    bool at_end() const { return rest_.empty(); }

    // False when the bytes are no protobuf.
    bool next(Field& field) {
        std::uint64_t tag = 0;
        if (!varint(tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff) return false;
        field = {};
        field.number = static_cast<std::uint32_t>(tag >> 3);
        field.wire_type = static_cast<int>(tag & 7);
        switch (field.wire_type) {
            case 0:
                return varint(field.number_value);
            case 1:
                return fixed(8, field.number_value);
            case 5:
                return fixed(4, field.number_value);
            case 2: {
                std::uint64_t length = 0;
                if (!varint(length) || length > rest_.size()) return false;
                field.bytes = rest_.substr(0, length);
                rest_.remove_prefix(length);
                return true;
            }
            default:
                return false;
        }
    }

   private:
    bool varint(std::uint64_t& value) {
        value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (rest_.empty()) return false;
            const auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if ((byte & 0x80) == 0) return true;
        }
        return false;
    }

    bool fixed(std::size_t size, std::uint64_t& value) {
        if (rest_.size() < size) return false;
        for (std::size_t i = 0; i < size; ++i) {
            value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
        }
        rest_.remove_prefix(size);
        return true;
    }

    std::string_view rest_;
};

// One body; the first thing that is wrong ends it.
class Decoder {
   public:
    explicit Decoder(ProtobufLimits limits) : limits_(limits) {}

    bool message(std::string_view bytes,
                 const wire::MessageShape& shape,
                 JsonObject& into,
                 int depth) {
        if (depth > limits_.depth) return fail("nested too deeply");
        WireReader reader(bytes);
        WireReader::Field field;
        while (!reader.at_end()) {
            if (!reader.next(field)) return fail("malformed bytes in " + shape.name);
            const auto rule = shape.fields.find(field.number);
            if (rule == shape.fields.end()) {
                // Unset fields are written too; only one that says something must not be lost.
                if (field.is_zero() || is_empty_message(field)) continue;
                return fail(fmt::format("field {} of {} is not known", field.number, shape.name));
            }
            if (!one_field(field, shape, rule->second, into, depth)) return false;
        }
        return true;
    }

    const std::string& why() const { return why_; }

   private:
    bool fail(std::string why) {
        why_ = std::move(why);
        return false;
    }

    // A nested message in which everything is zero.
    static bool is_empty_message(const WireReader::Field& field) {
        if (field.wire_type != 2) return false;
        WireReader reader(field.bytes);
        WireReader::Field inner;
        while (!reader.at_end()) {
            if (!reader.next(inner) || !inner.is_zero()) return false;
        }
        return true;
    }

    bool one_field(const WireReader::Field& field,
                   const wire::MessageShape& shape,
                   const wire::FieldRule& rule,
                   JsonObject& into,
                   int depth) {
        if (rule.is_inline) {
            if (field.wire_type != 2) return wrong_type(shape, rule);
            return message(field.bytes, *rule.message, into, depth + 1);
        }
        switch (rule.shape) {
            case wire::FieldShape::map:
                return map_entry(field, shape, rule, into, depth);
            case wire::FieldShape::list:
                return list_item(field, shape, rule, into, depth);
            case wire::FieldShape::single:
                break;
        }
        Json value;
        // A message may come in pieces, which merge.
        if (rule.type == wire::FieldType::message) {
            if (auto* before = into.if_contains(rule.name)) value = *before;
        }
        if (!value_of(field, shape, rule, value, depth)) return false;
        if (!rule.keeps_zero && is_zero(value)) return true;
        into[rule.name] = std::move(value);
        return true;
    }

    bool list_item(const WireReader::Field& field,
                   const wire::MessageShape& shape,
                   const wire::FieldRule& rule,
                   JsonObject& into,
                   int depth) {
        auto& list = into[rule.name];
        if (!list.is_array()) list = JsonArray{};
        // Numbers may come packed.
        if (rule.type == wire::FieldType::integer && field.wire_type == 2) {
            return packed(field.bytes, shape, list.get_array());
        }
        Json value;
        if (!value_of(field, shape, rule, value, depth)) return false;
        list.get_array().push_back(std::move(value));
        return true;
    }

    bool packed(std::string_view bytes, const wire::MessageShape& shape, JsonArray& into) {
        while (!bytes.empty()) {
            // Read as a field whose tag we put in front.
            const auto end = std::find_if(bytes.begin(), bytes.end(), [](char c) {
                return (static_cast<unsigned char>(c) & 0x80) == 0;
            });
            if (end == bytes.end()) return fail("malformed bytes in " + shape.name);
            const auto length = static_cast<std::size_t>(end - bytes.begin()) + 1;
            const auto one = "\x08" + std::string(bytes.substr(0, length));
            WireReader reader(one);
            WireReader::Field field;
            if (!reader.next(field)) return fail("malformed bytes in " + shape.name);
            into.push_back(static_cast<std::int64_t>(field.number_value));
            bytes.remove_prefix(length);
        }
        return true;
    }

    bool map_entry(const WireReader::Field& field,
                   const wire::MessageShape& shape,
                   const wire::FieldRule& rule,
                   JsonObject& into,
                   int depth) {
        if (field.wire_type != 2) return wrong_type(shape, rule);
        std::string key;
        Json value = rule.type == wire::FieldType::text || rule.type == wire::FieldType::bytes ||
                             rule.type == wire::FieldType::quantity
                         ? Json("")
                         : Json(nullptr);
        WireReader reader(field.bytes);
        WireReader::Field part;
        while (!reader.at_end()) {
            if (!reader.next(part)) return fail("malformed bytes in " + shape.name);
            if (part.number == 1 && part.wire_type == 2) {
                if (!is_utf8(part.bytes)) return fail("text that is not UTF-8 in " + shape.name);
                key = std::string(part.bytes);
            }
            if (part.number == 2 && !value_of(part, shape, rule, value, depth)) return false;
        }
        auto& map = into[rule.name];
        if (!map.is_object()) map = JsonObject{};
        map.get_object()[key] = std::move(value);
        return true;
    }

    bool wrong_type(const wire::MessageShape& shape, const wire::FieldRule& rule) {
        return fail(fmt::format("{}.{} has another type", shape.name, rule.name));
    }

    bool value_of(const WireReader::Field& field,
                  const wire::MessageShape& shape,
                  const wire::FieldRule& rule,
                  Json& value,
                  int depth) {
        const bool is_number =
            rule.type == wire::FieldType::integer || rule.type == wire::FieldType::boolean;
        if (field.wire_type != (is_number ? 0 : 2)) return wrong_type(shape, rule);
        switch (rule.type) {
            case wire::FieldType::integer:
                value = static_cast<std::int64_t>(field.number_value);
                return true;
            case wire::FieldType::boolean:
                value = field.number_value != 0;
                return true;
            case wire::FieldType::text:
                if (!is_utf8(field.bytes)) return fail("text that is not UTF-8 in " + shape.name);
                value = field.bytes;
                return true;
            case wire::FieldType::bytes:
                value = base64(field.bytes);
                return true;
            case wire::FieldType::quantity:
                return quantity(field.bytes, shape, value);
            case wire::FieldType::int_or_string:
                return int_or_string(field.bytes, shape, value);
            case wire::FieldType::time:
                return time(field.bytes, shape, value, rfc3339);
            case wire::FieldType::micro_time:
                return time(field.bytes, shape, value, rfc3339_micros);
            case wire::FieldType::raw_json:
                return raw_json(field.bytes, shape, value);
            case wire::FieldType::message:
                if (!value.is_object()) value = JsonObject{};
                return message(field.bytes, *rule.message, value.get_object(), depth + 1);
        }
        return false;
    }

    bool quantity(std::string_view bytes, const wire::MessageShape& shape, Json& value) {
        value = "";
        WireReader reader(bytes);
        WireReader::Field field;
        while (!reader.at_end()) {
            if (!reader.next(field)) return fail("malformed bytes in " + shape.name);
            if (field.number != 1) continue;
            if (!is_utf8(field.bytes)) return fail("text that is not UTF-8 in " + shape.name);
            value = field.bytes;
        }
        return true;
    }

    // The zero of an IntOrString is the number 0, which is meant when the field is there at all.
    bool int_or_string(std::string_view bytes, const wire::MessageShape& shape, Json& value) {
        bool is_text = false;
        std::int32_t number = 0;
        std::string_view text;
        WireReader reader(bytes);
        WireReader::Field field;
        while (!reader.at_end()) {
            if (!reader.next(field)) return fail("malformed bytes in " + shape.name);
            if (field.number == 1) is_text = field.number_value == 1;
            if (field.number == 2) number = static_cast<std::int32_t>(field.number_value);
            if (field.number == 3) text = field.bytes;
        }
        if (!is_utf8(text)) return fail("text that is not UTF-8 in " + shape.name);
        if (is_text) {
            value = text;
        } else {
            value = number;
        }
        return true;
    }

    bool time(std::string_view bytes,
              const wire::MessageShape& shape,
              Json& value,
              std::string (*text_of)(Time)) {
        value = nullptr;
        std::int64_t seconds = 0;
        std::int64_t nanos = 0;
        WireReader reader(bytes);
        WireReader::Field field;
        while (!reader.at_end()) {
            if (!reader.next(field)) return fail("malformed bytes in " + shape.name);
            if (field.number == 1) seconds = static_cast<std::int64_t>(field.number_value);
            if (field.number == 2) nanos = static_cast<std::int32_t>(field.number_value);
        }
        // Go's zero time, and what a nanosecond count cannot hold, are no times.
        constexpr std::int64_t seconds_max = 9'000'000'000;
        if (seconds <= 0 || seconds > seconds_max || nanos < 0 || nanos >= 1'000'000'000) {
            return true;
        }
        value = text_of(Time{std::chrono::seconds{seconds} + std::chrono::nanoseconds{nanos}});
        return true;
    }

    bool raw_json(std::string_view bytes, const wire::MessageShape& shape, Json& value) {
        value = nullptr;
        WireReader reader(bytes);
        WireReader::Field field;
        while (!reader.at_end()) {
            if (!reader.next(field)) return fail("malformed bytes in " + shape.name);
            if (field.number != 1 || field.bytes.empty()) continue;
            auto parsed = parse_json(field.bytes);
            if (!parsed) return fail("JSON inside " + shape.name + ": " + parsed.error().message);
            value = std::move(*parsed);
        }
        return true;
    }

    static bool is_zero(const Json& value) {
        switch (value.kind()) {
            case boost::json::kind::null:
                return true;
            case boost::json::kind::bool_:
                return !value.get_bool();
            case boost::json::kind::int64:
                return value.get_int64() == 0;
            case boost::json::kind::uint64:
                return value.get_uint64() == 0;
            case boost::json::kind::double_:
                return value.get_double() == 0;
            case boost::json::kind::string:
                return value.get_string().empty();
            case boost::json::kind::array:
                return value.get_array().empty();
            case boost::json::kind::object:
                return value.get_object().empty();
        }
        return false;
    }

    ProtobufLimits limits_;
    std::string why_;
};

}  // namespace

Answer<Json> decode_protobuf(std::string_view body, ProtobufLimits limits) {
    if (body.size() > limits.bytes) {
        return std::unexpected(
            Status{413,
                   "RequestEntityTooLarge",
                   fmt::format("Request entity too large: limit is {}", limits.bytes)});
    }
    if (!body.starts_with(magic)) {
        return std::unexpected(malformed("it does not begin with the protobuf magic number"));
    }

    std::string api_version;
    std::string kind;
    std::string_view raw;
    std::string_view encoding;
    WireReader envelope(body.substr(magic.size()));
    WireReader::Field field;
    while (!envelope.at_end()) {
        if (!envelope.next(field)) return std::unexpected(malformed("malformed envelope"));
        if (field.wire_type != 2) continue;
        if (field.number == 2) raw = field.bytes;
        if (field.number == 3) encoding = field.bytes;
        if (field.number != 1) continue;
        WireReader type_meta(field.bytes);
        WireReader::Field part;
        while (!type_meta.at_end()) {
            if (!type_meta.next(part)) return std::unexpected(malformed("malformed type"));
            if (part.number == 1) api_version = std::string(part.bytes);
            if (part.number == 2) kind = std::string(part.bytes);
        }
    }
    if (!encoding.empty()) {
        return std::unexpected(malformed("the content encoding of the envelope is not served"));
    }
    if (!is_utf8(api_version) || !is_utf8(kind)) {
        return std::unexpected(malformed("text that is not UTF-8 in the envelope"));
    }

    const auto* shape = wire::message_of_kind(api_version, kind);
    if (shape == nullptr) {
        return std::unexpected(Status{
            415,
            "UnsupportedMediaType",
            fmt::format("the body of the request was in an unknown format - accepted media types "
                        "include: application/json, application/yaml (protobuf is not served for "
                        "{}, Kind={})",
                        api_version,
                        kind)});
    }
    JsonObject object{{"apiVersion", api_version}, {"kind", kind}};
    Decoder decoder(limits);
    if (!decoder.message(raw, *shape, object, 0)) return std::unexpected(malformed(decoder.why()));
    return Json(std::move(object));
}

}  // namespace sluice::lab
