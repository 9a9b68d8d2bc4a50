// The apps that are built into the lab, and how a new one is added: one pair of files and one line
// in built_in_apps(). They run on the traffic thread.
#pragma once

#include "base/async/clock.hpp"
#include "lab/workloads/pod_fault.hpp"
#include "net/http.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::lab {

// What a container knows of itself.
struct AppContext {
    std::string hostname;  // the pod's name
    std::string image;
    std::string tag;
    std::map<std::string, std::string> env;
    std::vector<std::string> command;
    std::function<void(std::string line)> log;
    // What befalls its requests; the app asks it of each.
    std::shared_ptr<AppFaults> faults = std::make_shared<AppFaults>();
};

class App : public net::Handler {
   public:
    // Where it listens when its container declares no port.
    virtual std::vector<std::uint16_t> default_ports() const = 0;
    // Stands in for an app whose ports nobody knows: listens wherever a Service sends requests.
    virtual bool serves_any_port() const { return false; }
};

// By the names that an ImageMap answers with. The clock outlives what is made.
class AppRegistry {
   public:
    using Make = std::function<std::unique_ptr<App>(AppContext context, Clock& clock)>;

    void put(std::string name, Make make);
    // An unknown name makes the echo app.
    std::unique_ptr<App> make(std::string_view name, AppContext context, Clock& clock) const;

   private:
    std::map<std::string, Make, std::less<>> makers_;
};

// podinfo and echo.
AppRegistry built_in_apps();

std::unique_ptr<App> make_podinfo(AppContext context, Clock& clock);
std::unique_ptr<App> make_echo(AppContext context, Clock& clock);

// The path and the query of a request target.
struct PathAndQuery {
    std::string_view path;
    std::string_view query;
};
PathAndQuery target_of(std::string_view target);

}  // namespace sluice::lab
