// The shape of each message that the decoder knows: which number is which field.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace sluice::lab::wire {

enum class FieldType {
    text,
    integer,
    boolean,
    bytes,
    quantity,
    int_or_string,
    time,
    micro_time,
    raw_json,  // RawExtension and FieldsV1: JSON text inside
    message,
};

enum class FieldShape { single, list, map };

struct MessageShape;

struct FieldRule {
    std::string name;
    FieldType type = FieldType::text;
    FieldShape shape = FieldShape::single;
    // A pointer in the Go type: absent when unset, so a zero that is there was meant.
    bool keeps_zero = false;
    // The fields of the message stand in the parent's JSON.
    bool is_inline = false;
    std::string message_name = {};
    const MessageShape* message = nullptr;
};

struct MessageShape {
    std::string name;
    std::map<std::uint32_t, FieldRule> fields = {};
};

// The message of "apps/v1" and "Deployment"; null when the decoder has no table for it.
const MessageShape* message_of_kind(std::string_view api_version, std::string_view kind);

}  // namespace sluice::lab::wire
