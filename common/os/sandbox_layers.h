// The layers of a sandbox: how a system lists them in order, and those that all systems share.
#pragma once

#include "common/os/sandbox.h"

#include <span>
#include <string>
#include <string_view>

namespace letterlock::os {

struct LayerState {
  bool on;
  std::string remark; // why it is off, or a detail such as a version; may be empty
};

inline LayerState layer_on(std::string detail = {}) {
  return {true, std::move(detail)};
}
inline LayerState layer_off(std::string reason) {
  return {false, std::move(reason)};
}

struct Layer {
  std::string_view name;
  Expected<LayerState> (*set_up)(const Confinement&);
  bool essential; // best_effort does not excuse it
};

// Sets up LAYERS in their order.
Expected<SandboxReport> set_up_layers(std::span<const Layer> layers,
                                      const Confinement& confinement);

// Descriptors and core files. The parent's hard limit stays: its children may have higher ones.
Expected<LayerState> set_up_limits(const Confinement&);
// Root and working directory.
Expected<LayerState> set_up_root_directory(const Confinement&);
// User and groups.
Expected<LayerState> set_up_identity(const Confinement&);
// The parent keeps its user; off when that is not root, with what follows from it.
Expected<LayerState> check_parent_identity(const Confinement&);
// No processes, in roles without threads. A thread counts as a process on Linux, so the others
// rely on the call filter.
Expected<LayerState> set_up_process_limit(const Confinement&);

} // namespace letterlock::os
