#include "lab/workloads/app.hpp"

#include "lab/workloads/image_map.hpp"

namespace sluice::lab {

void AppRegistry::put(std::string name, Make make) {
    makers_[std::move(name)] = std::move(make);
}

std::unique_ptr<App> AppRegistry::make(std::string_view name,
                                       AppContext context,
                                       Clock& clock) const {
    const auto found = makers_.find(name);
    if (found == makers_.end()) return make_echo(std::move(context), clock);
    return found->second(std::move(context), clock);
}

AppRegistry built_in_apps() {
    AppRegistry registry;
    registry.put(std::string(apps::podinfo), make_podinfo);
    registry.put(std::string(apps::echo), make_echo);
    return registry;
}

PathAndQuery target_of(std::string_view target) {
    const auto mark = target.find('?');
    if (mark == std::string_view::npos) return {target, {}};
    return {target.substr(0, mark), target.substr(mark + 1)};
}

}  // namespace sluice::lab
