// Object text as it lies in a cache: as it is while short, deflated when long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::kube {

class CompactText {
   public:
    CompactText() = default;
    // Deflates a text that is longer than `compress_above` bytes, if that makes it shorter. Equal
    // texts give equal values.
    CompactText(std::string_view text, std::size_t compress_above);

    std::string text() const;
    // Bytes held.
    std::size_t size() const { return size_; }

    bool operator==(const CompactText& other) const;

   private:
    std::string_view bytes() const { return {bytes_.get(), size_}; }

    std::unique_ptr<char[]> bytes_;
    std::uint32_t size_ = 0;
    std::uint32_t plain_size_ = 0;  // 0: the bytes are the text
};

}  // namespace sluice::kube
