#include "lab/mesh/sni.hpp"

#include "base/core/text.hpp"

#include <cstdint>

namespace sluice::mesh {

namespace {

// Takes fields off the front; once something is missing, everything is.
class Fields {
   public:
    explicit Fields(std::string_view bytes) : bytes_(bytes) {}

    std::size_t number(std::size_t width) {
        std::size_t value = 0;
        for (const char byte : take(width)) value = value << 8 | static_cast<unsigned char>(byte);
        return value;
    }
    std::string_view take(std::size_t size) {
        if (size > bytes_.size()) is_short_ = true;
        if (is_short_) return {};
        const auto taken = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return taken;
    }
    // What follows its own length.
    std::string_view sized(std::size_t width) { return take(number(width)); }
    bool is_short() const { return is_short_; }
    bool is_empty() const { return bytes_.empty() || is_short_; }

   private:
    std::string_view bytes_;
    bool is_short_ = false;
};

constexpr std::size_t handshake = 22, client_hello = 1, server_name = 0, host_name = 0;

std::optional<std::string> name_in(std::string_view hello) {
    Fields fields(hello);
    fields.take(2 + 32);  // version, random
    fields.sized(1);      // session
    fields.sized(2);      // ciphers
    fields.sized(1);      // compressions
    Fields extensions(fields.sized(2));
    while (!extensions.is_empty()) {
        const auto type = extensions.number(2);
        const auto body = extensions.sized(2);
        if (type != server_name || extensions.is_short()) continue;
        Fields list(Fields(body).sized(2));
        while (!list.is_empty()) {
            const auto kind = list.number(1);
            const auto name = list.sized(2);
            if (kind == host_name && !name.empty()) return lower_case(name);
        }
    }
    return std::nullopt;
}

}  // namespace

ClientHello read_client_hello(std::string_view bytes) {
    if (bytes.empty()) return {.is_partial = true};
    // One message may come in several records.
    std::string message;
    Fields records(bytes);
    while (true) {
        if (records.is_empty()) return {.is_partial = true};
        const auto type = records.number(1);
        if (!records.is_short() && type != handshake) return {};
        records.number(2);  // version
        message += records.sized(2);
        if (records.is_short()) return {.is_partial = true};
        Fields head(message);
        const auto kind = head.number(1);
        if (!head.is_short() && kind != client_hello) return {};
        const auto body = head.sized(3);
        if (!head.is_short()) return {.name = name_in(body)};
    }
}

}  // namespace sluice::mesh
