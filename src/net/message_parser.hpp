// HTTP/1.1 messages out of bytes, however they were cut. Beast reads the grammar; this keeps what
// it says as our values, one message after the other on one connection.
#pragma once

#include "net/http.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::net {

enum class ParseTrouble { none, malformed, head_too_large, body_too_large, version, encoding };

struct ParseLimits {
    std::size_t head = 64 * 1024;
    std::size_t fields = 1000;
    std::optional<std::size_t> body = std::nullopt;
};

// The answer to HEAD ends with its head, whatever it says.
enum class ExpectedBody { as_stated, none };

// A message as far as it has come.
struct Message {
    std::string method;  // of a request
    std::string target;
    int status = 0;  // of an answer
    Headers headers;
    std::string body;  // what has come and was not taken
    bool is_http_11 = true;
};

class MessageParser {
   public:
    enum class Kind { request, response };

    explicit MessageParser(Kind kind);
    ~MessageParser();

    // Expects the next message.
    void begin(const ParseLimits& limits, ExpectedBody expected = ExpectedBody::as_stated);

    // Takes what it can use and says how many bytes that was. Stops once when the head is complete,
    // and for good at the end of the message. Taking none means that more must be read.
    std::size_t put(std::string_view bytes);
    // The other side has sent its last byte. Malformed unless the message may end here.
    void put_eof();

    ParseTrouble trouble() const { return trouble_; }
    bool has_begun() const { return has_begun_; }
    bool has_head() const { return has_head_; }
    bool is_done() const { return is_done_; }
    bool keep_alive() const;
    bool is_chunked() const;
    std::optional<std::uint64_t> content_length() const;

    Message message;

   private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    ParseLimits limits_;
    std::size_t head_size_ = 0;
    ParseTrouble trouble_ = ParseTrouble::none;
    bool has_begun_ = false;
    bool has_head_ = false;
    bool is_done_ = false;
    bool awaits_chunk_ = false;  // the head of one has come in part
};

}  // namespace sluice::net
