// Certificates made for one test: an authority and what it issues.
#pragma once

#include <memory>
#include <string>

namespace sluice::net::testing {

// PEM texts.
struct Identity {
    std::string certificate;
    std::string key;
};

class Authority {
   public:
    explicit Authority(const std::string& name);
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;
    ~Authority();

    std::string pem() const;
    // For that DNS name or IP address, valid for an hour.
    Identity issue(const std::string& name) const;

   private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::net::testing
