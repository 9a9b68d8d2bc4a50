// HTTP messages of both sides, on one connection. However the bytes are cut, the messages are the
// same.
#include "fuzz/fuzz.hpp"
#include "net/message_parser.hpp"

#include <algorithm>

namespace sluice::fuzz {
namespace {

constexpr int messages_max = 4;

std::vector<std::string> read(net::MessageParser::Kind kind,
                              std::string_view bytes,
                              std::size_t piece) {
    std::vector<std::string> seen;
    net::MessageParser parser(kind);
    std::string buffer;
    for (int count = 0; count < messages_max; ++count) {
        parser.begin({.body = 1024 * 1024});
        while (!parser.is_done() && parser.trouble() == net::ParseTrouble::none) {
            const auto taken = parser.put(buffer);
            must(taken <= buffer.size(), "no more is taken than there is");
            buffer.erase(0, taken);
            if (taken > 0) continue;
            if (bytes.empty()) {
                parser.put_eof();
                break;
            }
            const auto next = std::min(piece, bytes.size());
            buffer += bytes.substr(0, next);
            bytes.remove_prefix(next);
        }
        if (parser.trouble() != net::ParseTrouble::none || !parser.is_done()) {
            // Which limit it was may depend on the cut.
            seen.emplace_back("trouble");
            return seen;
        }
        const auto& message = parser.message;
        std::string text = message.method + ' ' + message.target + ' ' +
                           std::to_string(message.status) + (parser.keep_alive() ? " k" : " c");
        for (const auto& [name, value] : message.headers) text += '\n' + name + ':' + value;
        seen.push_back(text + "\n\n" + message.body);
    }
    return seen;
}

}  // namespace

void try_input(std::string_view input) {
    for (const auto kind :
         {net::MessageParser::Kind::request, net::MessageParser::Kind::response}) {
        const auto whole = read(kind, input, std::max<std::size_t>(input.size(), 1));
        for (const std::size_t piece : {1, 7}) {
            must(read(kind, input, piece) == whole, "the cut does not matter");
        }
    }
}

}  // namespace sluice::fuzz
