// The article's story as a program: a lab, a good version promoted, a bad one rolled back.
#pragma once

#include "base/core/result.hpp"
#include "cli/command.hpp"

#include <boost/asio/io_context.hpp>

namespace sluice::cli {

struct DemoOptions {
    bool keep = false;
    bool as_written = false;
};

// 0 when both releases ended as they should; an Error says what did not.
Task<Result<int>> play_demo(boost::asio::io_context& control,
                            Environment environment,
                            DemoOptions options);

}  // namespace sluice::cli
