// What is wrong with an object, told by the field that has it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::istio {

struct Fault {
    std::string field;  // "spec.http[0].retries.retryOn"
    std::string text;

    bool operator==(const Fault&) const = default;
};

// Collects faults while an object is walked through.
class Faults {
   public:
    // As long as it lives, what is added belongs to this field of the one looked at before.
    class Within {
       public:
        Within(Faults& faults, std::string_view field);
        ~Within() { faults_.field_.resize(length_before_); }
        Within(const Within&) = delete;
        Within& operator=(const Within&) = delete;

       private:
        Faults& faults_;
        std::size_t length_before_;
    };
    [[nodiscard]] Within within(std::string_view field) { return {*this, field}; }
    [[nodiscard]] Within within(std::string_view list, std::size_t index);

    void add(std::string text) { all_.push_back({field_, std::move(text)}); }
    // Of a field of the one that is looked at.
    void add(std::string_view field, std::string text);

    std::vector<Fault> take() { return std::move(all_); }

   private:
    std::string field_ = "spec";
    std::vector<Fault> all_;
};

}  // namespace sluice::istio
