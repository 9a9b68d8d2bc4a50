// The lines of a watch, however they are cut, and the refusals of an API server.
#include "fuzz/fuzz.hpp"
#include "kube/client.hpp"

#include <algorithm>

namespace sluice::fuzz {
namespace {

class Pieces final : public net::BodyReader {
   public:
    Pieces(std::string_view bytes, std::size_t piece) : bytes_(bytes), piece_(piece) {}

    Task<Result<std::string>> next() override {
        const auto size = std::min(piece_, bytes_.size());
        std::string piece(bytes_.substr(0, size));
        bytes_.remove_prefix(size);
        co_return piece;
    }

   private:
    std::string_view bytes_;
    std::size_t piece_;
};

Task<> read(Clock& clock, std::string_view bytes, std::size_t piece, std::string& seen) {
    kube::Watch watch(clock,
                      std::make_unique<Pieces>(bytes, piece),
                      kube::resources::deployments,
                      std::chrono::minutes{5});
    for (;;) {
        const auto event = co_await watch.next();
        if (!event) {
            seen += "error " + std::string(to_string(event.error().kind));
            co_return;
        }
        if (!*event) co_return;
        const auto& one = **event;
        must(one.object.is_object(), "an event has an object");
        seen += std::to_string(static_cast<int>(one.kind)) + to_text(one.object) + '\n';
    }
}

}  // namespace

void try_input(std::string_view input) {
    Playground ground;
    std::string whole;
    ground.play(read(ground.clock, input, std::max<std::size_t>(input.size(), 1), whole));
    std::string cut;
    ground.play(read(ground.clock, input, 3, cut));
    must(whole == cut, "the cut does not matter");

    for (const int status : {400, 409, 500}) {
        static_cast<void>(kube::error_of_answer(status, input, "get deployments web"));
    }
}

}  // namespace sluice::fuzz
