// A file in memory that nobody can write to, to hand to another process.
#pragma once

#include "common/base/byte_reader.h"
#include "common/base/error.h"
#include "common/base/unique_fd.h"

namespace letterlock::os {

// A descriptor, at the beginning, of a file that holds CONTENT for ever. Fails where the system has
// no such thing (OpenBSD), or no memory.
Expected<UniqueFd> read_only_memory_file(Bytes content);

// Whether a regular file that is open as FD can be changed through it: not if it is open for
// reading only, nor if it is sealed.
bool is_writable(int fd);

} // namespace letterlock::os
