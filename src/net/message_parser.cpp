#include "net/message_parser.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace sluice::net {
namespace {

namespace http = boost::beast::http;
using Code = boost::beast::error_code;
using Text = boost::beast::string_view;

std::string_view view(Text text) {
    return {text.data(), text.size()};
}

// Beast's callbacks into a Message. Trailers are read and dropped.
template <bool is_request>
class Sink final : public http::basic_parser<is_request> {
   public:
    Sink(Message& message, const ParseLimits& limits, bool no_body)
        : message_(message), fields_left_(limits.fields) {
        this->header_limit(static_cast<std::uint32_t>(limits.head));
        if (limits.body) {
            this->body_limit(*limits.body);
        } else {
            this->body_limit(boost::none);
        }
        if (no_body) this->skip(true);
    }

   private:
    void on_request_impl(http::verb, Text method, Text target, int version, Code&) override {
        message_.method = view(method);
        message_.target = view(target);
        message_.is_http_11 = version == 11;
    }
    void on_response_impl(int code, Text, int version, Code&) override {
        message_.status = code;
        message_.is_http_11 = version == 11;
    }
    void on_field_impl(http::field, Text name, Text value, Code& error) override {
        if (this->is_header_done()) return;
        if (fields_left_-- == 0) {
            error = http::error::header_limit;
            return;
        }
        message_.headers.add(view(name), view(value));
    }
    void on_header_impl(Code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
    std::size_t on_body_impl(Text body, Code&) override {
        message_.body += view(body);
        return body.size();
    }
    void on_chunk_header_impl(std::uint64_t, Text, Code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, Text body, Code&) override {
        message_.body += view(body);
        return body.size();
    }
    void on_finish_impl(Code&) override {}

    Message& message_;
    std::size_t fields_left_;
};

ParseTrouble trouble_of(const Code& error) {
    if (error == http::error::header_limit) return ParseTrouble::head_too_large;
    if (error == http::error::body_limit) return ParseTrouble::body_too_large;
    if (error == http::error::bad_version) return ParseTrouble::version;
    return ParseTrouble::malformed;
}

}  // namespace

struct MessageParser::Impl {
    explicit Impl(Kind the_kind) : kind(the_kind) {}

    Kind kind;
    std::optional<Sink<true>> request;
    std::optional<Sink<false>> response;

    auto visit(auto&& what) { return kind == Kind::request ? what(*request) : what(*response); }
};

MessageParser::MessageParser(Kind kind) : impl_(std::make_unique<Impl>(kind)) {}

MessageParser::~MessageParser() = default;

void MessageParser::begin(const ParseLimits& limits, ExpectedBody expected) {
    limits_ = limits;
    const bool no_body = expected == ExpectedBody::none;
    message = {};
    message.headers.reserve(16);
    trouble_ = ParseTrouble::none;
    has_begun_ = has_head_ = is_done_ = awaits_chunk_ = false;
    head_size_ = 0;
    if (impl_->kind == Kind::request) {
        impl_->request.emplace(message, limits_, no_body);
    } else {
        impl_->response.emplace(message, limits_, no_body);
    }
}

std::size_t MessageParser::put(std::string_view bytes) {
    const auto whole = bytes.size();
    // A blank line before a message is allowed (RFC 9112, 2.2).
    while (!has_begun_ && bytes.starts_with("\r\n")) bytes.remove_prefix(2);
    if (!has_begun_ && bytes == "\r") return whole - bytes.size();
    // Beast 1.81 dies of a last chunk that comes as "0\r\n", then one byte more: it counts on five,
    // and five at least will come.
    if (awaits_chunk_ && bytes.size() < std::string_view("0\r\n\r\n").size()) {
        return whole - bytes.size();
    }
    awaits_chunk_ = false;
    while (!bytes.empty() && !is_done_ && trouble_ == ParseTrouble::none) {
        has_begun_ = true;
        Code error;
        const auto taken = impl_->visit([&](auto& sink) {
            return sink.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
        });
        bytes.remove_prefix(taken);
        const bool had_head = has_head_;
        has_head_ = impl_->visit([](auto& sink) { return sink.is_header_done(); });
        is_done_ = impl_->visit([](auto& sink) { return sink.is_done(); });
        if (!had_head) {
            head_size_ += taken;
            if (head_size_ + (has_head_ ? 0 : bytes.size()) > limits_.head) {
                trouble_ = ParseTrouble::head_too_large;
                break;
            }
        }
        if (error == http::error::need_more) {
            // A chunk's own head has no business being long.
            if (has_head_ && bytes.size() > limits_.head) trouble_ = ParseTrouble::malformed;
            awaits_chunk_ = has_head_;
            break;
        }
        if (error) {
            trouble_ = trouble_of(error);
            break;
        }
        if (has_head_ && !had_head) {
            // Only `chunked` tells us where the body ends; a request that says anything else could
            // smuggle another one past us.
            if (impl_->kind == Kind::request && !is_chunked() &&
                message.headers.get("Transfer-Encoding")) {
                trouble_ = ParseTrouble::encoding;
            }
            break;
        }
    }
    return whole - bytes.size();
}

void MessageParser::put_eof() {
    if (is_done_) return;
    if (!has_begun_) {
        trouble_ = ParseTrouble::malformed;
        return;
    }
    Code error;
    impl_->visit([&](auto& sink) { sink.put_eof(error); });
    if (error) {
        trouble_ = trouble_of(error);
        return;
    }
    is_done_ = true;
}

bool MessageParser::keep_alive() const {
    return has_head_ && impl_->visit([](auto& sink) { return sink.keep_alive(); });
}

bool MessageParser::is_chunked() const {
    return has_head_ && impl_->visit([](auto& sink) { return sink.chunked(); });
}

std::optional<std::uint64_t> MessageParser::content_length() const {
    if (!has_head_) return std::nullopt;
    const auto length = impl_->visit([](auto& sink) { return sink.content_length(); });
    if (!length) return std::nullopt;
    return *length;
}

}  // namespace sluice::net
