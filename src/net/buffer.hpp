// Bytes that were read and not yet understood, in one piece.
#pragma once

#include <boost/asio/buffer.hpp>

#include <cstring>
#include <string_view>
#include <vector>

namespace sluice::net {

class Buffer {
   public:
    std::string_view bytes() const { return {storage_.data() + begin_, end_ - begin_}; }
    bool empty() const { return begin_ == end_; }
    std::size_t size() const { return end_ - begin_; }

    // Room for at least `least` more bytes.
    boost::asio::mutable_buffer prepare(std::size_t least) {
        if (storage_.size() - end_ < least) {
            if (begin_ > 0) std::memmove(storage_.data(), storage_.data() + begin_, size());
            end_ -= begin_;
            begin_ = 0;
            if (storage_.size() - end_ < least) storage_.resize(end_ + least);
        }
        return {storage_.data() + end_, storage_.size() - end_};
    }
    void commit(std::size_t count) { end_ += count; }
    void consume(std::size_t count) {
        begin_ += count;
        if (begin_ == end_) begin_ = end_ = 0;
    }

   private:
    std::vector<char> storage_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace sluice::net
