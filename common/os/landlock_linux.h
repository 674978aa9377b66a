// Landlock: what Linux lets a process reach by path, by TCP and by signal, see landlock(7).
//
// Files are already walled off by the call filter and the root directory; Landlock stands behind
// both, and is the only wall around the files of queued and logd when there is no root.
#pragma once

#include "common/base/error.h"
#include "common/os/sandbox_table.h"

namespace letterlock::os {

// The kernel's version of the interface; 0: it has none, or it is switched off.
int landlock_abi();

// Restricts the calling thread for ever:
// - files: FILES, beneath the present working directory, which is DIRECTORY to who reads errors;
// - from version 4 on: no TCP port is taken, and no TCP connection made unless CONNECTS_OUT;
// - from version 6 on: no signal and no abstract Unix socket reaches a process outside.
// Returns the version. 0: nothing was done, because version 1 forbids every move between
// directories and FILES needs that. Needs no_new_privs. An error if the kernel has no Landlock.
Expected<int> restrict_by_landlock(Files files, bool connects_out, const std::string& directory);

} // namespace letterlock::os
