// Snapshot: a private, read-only copy of a file, taken without seeing its bytes.
//
// The parent passes certificates, keys and the password file to the processes that use them, also
// to one that is started again hours later, which must get the same bytes and not what stands in
// the file by then. On Linux the kernel copies the file into sealed memory; nothing of it enters
// this process. Where there are no seals (OpenBSD) it is the file itself, which administrators
// replace by rename(2).
#pragma once

#include "common/base/error.h"
#include "common/base/unique_fd.h"

#include <string>

namespace letterlock::os {

// A descriptor, opened for reading only, of the content that the regular file FILE, open for
// reading at its beginning, has now. Fails if that is longer than MAX bytes; PATH is for messages.
Expected<UniqueFd> snapshot(UniqueFd file, const std::string& path, std::size_t max);

} // namespace letterlock::os
