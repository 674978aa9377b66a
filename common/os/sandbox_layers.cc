// Sets up a list of layers, reports on it, and holds the layers that need no particular system.
#include "common/os/sandbox_layers.h"

#include "common/os/sandbox_table.h"

#include <unistd.h>

namespace letterlock::os {

namespace {

std::string joined(const std::vector<std::string>& items) {
  std::string all;
  for (const auto& item : items)
    all += (all.empty() ? "" : ", ") + item;
  return all;
}

std::string described(std::string_view name, const LayerState& state) {
  std::string text(name);
  if (!state.remark.empty())
    text += state.on ? " " + state.remark : " (" + state.remark + ")";
  return text;
}

} // namespace

std::string SandboxReport::line() const {
  return "on=\"" + joined(on) + "\" off=\"" + joined(off) + "\"";
}

Expected<SandboxReport> set_up_layers(std::span<const Layer> layers,
                                      const Confinement& confinement) {
  SandboxReport report;
  for (const Layer& layer : layers) {
    auto state = layer.set_up(confinement);
    if (!state && (layer.essential || !confinement.best_effort))
      return fail("sandbox: " + std::string(layer.name) + ": " + state.error().text);
    if (!state)
      state = layer_off(state.error().text);
    (state->on ? report.on : report.off).push_back(described(layer.name, *state));
  }
  return report;
}

Expected<LayerState> set_up_limits(const Confinement& confinement) {
  const unsigned count = confinement.open_files;
  const auto limited =
      rights_of(confinement.role).confined ? limit_open_files(count) : set_open_files(count);
  if (!limited)
    return std::unexpected(limited.error());
  if (const auto done = forbid_core_files(); !done)
    return std::unexpected(done.error());
  return layer_on();
}

Expected<LayerState> set_up_root_directory(const Confinement& confinement) {
  const std::string& directory = confinement.root_directory;
  if (directory.empty())
    return layer_off("no directory given");
  if (!confinement.identity) {
    if (::chdir(directory.c_str()) != 0)
      return fail_errno("change to " + directory);
    return layer_off("not root");
  }
  if (rights_of(confinement.role).files == Files::none)
    if (const auto safe = check_belongs_to_root(directory); !safe)
      return std::unexpected(safe.error());
  if (const auto done = change_root(directory); !done)
    return std::unexpected(done.error());
  return layer_on();
}

Expected<LayerState> set_up_identity(const Confinement& confinement) {
  if (!confinement.identity) {
    if (::getuid() == 0 || ::geteuid() == 0)
      return fail("started by root, but without a user to become");
    return layer_off("not root");
  }
  if (const auto done = become(*confinement.identity); !done)
    return std::unexpected(done.error());
  return layer_on(std::to_string(confinement.identity->uid) + ":" +
                  std::to_string(confinement.identity->gid));
}

Expected<LayerState> check_parent_identity(const Confinement& confinement) {
  if (confinement.identity || !confinement.root_directory.empty())
    return fail("the parent has no other user or root directory");
  if (::geteuid() != 0)
    return layer_off("not root: the processes keep this user and see the whole file system");
  return layer_on();
}

Expected<LayerState> set_up_process_limit(const Confinement& confinement) {
  if (rights_of(confinement.role).has_threads)
    return layer_off("has threads");
  if (const auto done = forbid_processes(); !done)
    return std::unexpected(done.error());
  return layer_on();
}

} // namespace letterlock::os
