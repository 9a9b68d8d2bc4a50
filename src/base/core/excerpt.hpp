// A stranger's text as people are shown it: in an error, an Event, a line of the log.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

// The beginning of the text, at most so many bytes of it, as one line of well-formed UTF-8. It ends
// before the first byte that is none: such an Event would be refused.
std::string excerpt(std::string_view text, std::size_t bytes_max);

}  // namespace sluice
