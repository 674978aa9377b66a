// The sandbox: after this call a process can do what its role needs, and nothing else.
//
// Called once in each process, after set-up and before the first thread: several of the layers
// bind only the calling thread and what it starts. Descriptors that are open stay open and usable.
// Whatever needs a path, a socket or another user comes before: time zone, NSS, OpenSSL's
// configuration, the connection to syslog.
//
// The rights of each role are in sandbox_table.h; docs/security.md explains the layers.
#pragma once

#include "common/base/error.h"
#include "common/base/role.h"
#include "common/os/privileges.h"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace letterlock::os {

struct Confinement {
  Role role = Role::smtpd;
  // None when the system was not started by root: then there is no change of user or root
  // directory. A process that is root must have one; the parent has none.
  std::optional<Identity> identity;
  // Becomes the root directory (with an identity) and the working directory (always); empty: both
  // stay. An empty directory of root's for roles without files, the state directory for queued,
  // the log directory for logd. Relative paths are right with and without root.
  std::string root_directory;
  // The process that this one must not outlive; 0: none. On Linux the kernel sees to it, and kills
  // at the end of the very thread that forked; on OpenBSD the end of the link to the parent does.
  pid_t parent = 0;
  // At most this many descriptors.
  unsigned open_files = 1024;
  // Go on without a layer that cannot be set up, and report it. Limits, user and the bond to the
  // parent are never left out.
  bool best_effort = false;
};

struct SandboxReport {
  std::vector<std::string> on;  // "seccomp", "landlock 7"
  std::vector<std::string> off; // with the reason: "chroot (not root)"

  // on="limits, chroot, …" off="…", for the log.
  std::string line() const;
};

// On an error the process is half confined and must end.
Expected<SandboxReport> enter_sandbox(const Confinement& confinement);

} // namespace letterlock::os
