// Giving up what a process was started with: its user, its root directory, its limits.
//
// Nothing here can be taken back. All of it acts on the whole process and belongs to the time
// before the first thread.
#pragma once

#include "common/base/error.h"

#include <sys/types.h>

#include <string>

namespace letterlock::os {

struct Identity {
  uid_t uid;
  gid_t gid;
};

// Makes COUNT both the soft and the hard limit of open descriptors. To raise the hard limit takes
// root's power; without, an error names what is allowed.
Expected<void> limit_open_files(unsigned count);

// Makes COUNT the soft limit and leaves a higher hard limit to the processes that are started.
Expected<void> set_open_files(unsigned count);

// No core file is ever written: it would hold passwords or keys.
Expected<void> forbid_core_files();

// The process can start neither a process nor a thread.
Expected<void> forbid_processes();

// Makes DIRECTORY the root and the working directory. Takes root.
Expected<void> change_root(const std::string& directory);

// Refuses a directory that anyone but root could put something into.
Expected<void> check_belongs_to_root(const std::string& directory);

// Becomes IDENTITY in all of real, effective and saved ids, with its group as the only one, and
// then tries to come back: success there is an error here. Refuses to become root. Takes root.
Expected<void> become(Identity identity);

} // namespace letterlock::os
