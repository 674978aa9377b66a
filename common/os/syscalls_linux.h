// Which system calls each role may make on Linux, derived from sandbox_table.h.
#pragma once

#include "common/os/sandbox_table.h"
#include "common/os/seccomp_linux.h"

#include <vector>

namespace letterlock::os {

// The rules for the process that asks (its own process id is part of them), most frequent calls
// first. Three things can happen to a call that a role has no right to:
// - it names a path: the answer is EACCES, because libraries try files and go on without;
// - libraries try it and go on without: the answer is an error (EPERM, mostly);
// - all else has no rule, and ends the process.
std::vector<SyscallRule> syscall_rules(const Rights& rights);

// What AddressSanitizer needs besides; none in a build without it.
std::vector<SyscallRule> sanitizer_syscall_rules();

} // namespace letterlock::os
