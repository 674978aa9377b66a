// The sandbox on Linux: its layers, in the order in which each still has what it needs.
#if defined(__linux__)

#include "common/os/capabilities_linux.h"
#include "common/os/landlock_linux.h"
#include "common/os/sandbox_layers.h"
#include "common/os/sandbox_table.h"
#include "common/os/seccomp_linux.h"
#include "common/os/syscalls_linux.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

namespace letterlock::os {

namespace {

Expected<LayerState> check_single_thread(const Confinement&) {
  // Changes nothing, and answers EINVAL if there is a second thread: unshare(2).
  if (::unshare(CLONE_THREAD) != 0 && errno == EINVAL)
    return fail("threads exist already");
  return layer_on();
}

Expected<LayerState> empty_bounding_set(const Confinement&) {
  const auto done = limit_bounding_set(no_capabilities);
  if (!done)
    return std::unexpected(done.error());
  return *done ? layer_on() : layer_off("not root");
}

Expected<LayerState> reduce_parent_capabilities(const Confinement&) {
  const auto bounded = limit_bounding_set(parent_capabilities());
  if (!bounded)
    return std::unexpected(bounded.error());
  if (const auto done = limit_capabilities(parent_capabilities()); !done)
    return std::unexpected(done.error());
  return *bounded ? layer_on() : layer_off("not root");
}

Expected<LayerState> empty_capabilities(const Confinement&) {
  if (const auto done = limit_capabilities(no_capabilities); !done)
    return std::unexpected(done.error());
  return layer_on();
}

// Others of the same user cannot trace the process or read its memory.
Expected<LayerState> forbid_dumping(const Confinement&) {
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    return fail_errno("make undumpable");
  return layer_on();
}

// A change of user clears the death signal, so this comes behind it.
Expected<LayerState> die_with_parent(const Confinement& confinement) {
  if (confinement.parent == 0)
    return layer_off("not asked for");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    return fail_errno("ask for the death signal");
  // It may have died before we asked.
  if (::getppid() != confinement.parent)
    return fail("the parent is gone");
  return layer_on();
}

Expected<LayerState> forbid_new_privileges(const Confinement&) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail_errno("set no_new_privs");
  return layer_on();
}

Expected<LayerState> enter_landlock(const Confinement& confinement) {
  const Rights& rights = rights_of(confinement.role);
  const auto abi = restrict_by_landlock(
      rights.files, rights.connects_out,
      confinement.root_directory.empty() ? "the working directory" : confinement.root_directory);
  if (!abi)
    return std::unexpected(abi.error());
  if (*abi == 0)
    return layer_off("version 1 forbids moves between directories");
  return layer_on(std::to_string(*abi));
}

Expected<LayerState> filter_calls(const Confinement& confinement) {
  if (const auto done = install(assemble(syscall_rules(rights_of(confinement.role)))); !done)
    return std::unexpected(done.error());
  return layer_on();
}

constexpr Layer child_layers[] = {
    {"single thread", check_single_thread, true},
    {"limits", set_up_limits, true},
    {"bounding set", empty_bounding_set, false},
    {"root directory", set_up_root_directory, false},
    {"user", set_up_identity, true},
    {"no dump", forbid_dumping, false},
    {"death with parent", die_with_parent, true},
    {"no new privileges", forbid_new_privileges, false},
    {"no capabilities", empty_capabilities, false},
    {"landlock", enter_landlock, false},
    {"no processes", set_up_process_limit, false},
    {"seccomp", filter_calls, false},
};

constexpr Layer parent_layers[] = {
    {"single thread", check_single_thread, true},
    {"separate users", check_parent_identity, true},
    {"limits", set_up_limits, true},
    {"no dump", forbid_dumping, false},
    {"no new privileges", forbid_new_privileges, false},
    {"few capabilities", reduce_parent_capabilities, false},
};

} // namespace

Expected<SandboxReport> enter_sandbox(const Confinement& confinement) {
  if (rights_of(confinement.role).confined)
    return set_up_layers(child_layers, confinement);
  return set_up_layers(parent_layers, confinement);
}

} // namespace letterlock::os

#endif
