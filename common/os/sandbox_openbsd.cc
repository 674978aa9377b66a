// The sandbox on OpenBSD: pledge promises and unveiled paths, derived from the same table.
//
// What differs from Linux: there are no capabilities to empty; the end of the link to the parent
// stands for the death signal; pledge(2) has one promise for accepting and for making connections,
// so smtpd and pop3d could connect out here, and resolvd listen.
#if defined(__OpenBSD__)

#include "common/os/sandbox_layers.h"
#include "common/os/sandbox_table.h"

#include <unistd.h>

namespace letterlock::os {

namespace {

std::string promises(const Rights& rights) {
  // Links pass descriptors both ways.
  std::string all = "stdio recvfd sendfd";
  if (rights.accepts_connections || rights.connects_out)
    all += " inet";
  if (rights.files != Files::none)
    all += " rpath wpath cpath fattr";
  if (rights.files == Files::store)
    all += " flock chown";
  // The parent opens every file of the configuration, and starts and ends the processes.
  if (!rights.confined)
    all += " unix getpw proc exec";
  return all;
}

Expected<LayerState> unveil_files(const Confinement& confinement) {
  // The working directory is the root directory by now, with or without chroot.
  const bool has_files = rights_of(confinement.role).files != Files::none;
  if (::unveil(has_files ? "." : "/", has_files ? "rwc" : "") != 0)
    return fail_errno("unveil");
  if (::unveil(nullptr, nullptr) != 0)
    return fail_errno("lock unveil");
  return layer_on();
}

Expected<LayerState> pledge_role(const Confinement& confinement) {
  const std::string text = promises(rights_of(confinement.role));
  if (::pledge(text.c_str(), nullptr) != 0)
    return fail_errno("pledge \"" + text + "\"");
  return layer_on(text);
}

constexpr Layer child_layers[] = {
    {"limits", set_up_limits, true}, {"root directory", set_up_root_directory, false},
    {"user", set_up_identity, true}, {"no processes", set_up_process_limit, false},
    {"unveil", unveil_files, false}, {"pledge", pledge_role, false},
};

constexpr Layer parent_layers[] = {
    {"separate users", check_parent_identity, true},
    {"limits", set_up_limits, true},
    {"pledge", pledge_role, false},
};

} // namespace

Expected<SandboxReport> enter_sandbox(const Confinement& confinement) {
  if (rights_of(confinement.role).confined)
    return set_up_layers(child_layers, confinement);
  return set_up_layers(parent_layers, confinement);
}

} // namespace letterlock::os

#endif
