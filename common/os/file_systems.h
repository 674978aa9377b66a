// What systems tell and do about whole file systems.
#pragma once

#include "common/base/id128.h"

#include <optional>

namespace letterlock::os {

// For open(2): reading changes no time of access. Where a system has that (O_NOATIME), only the
// owner may ask for it, and others get EPERM. 0 elsewhere.
extern const int no_access_time;

// As syncfs(2): everything on the file system of DIRECTORY. 0, or -1 with errno; ENOSYS where the
// system has no such call, and each file must be synced by itself.
int sync_file_system(int directory);

// Whether what is written to FILE goes past the system's cache from now on (O_DIRECT), where
// addresses, lengths and positions must then be multiples of the disk's block, else EINVAL. False:
// it goes through the cache, because that was asked for, or because the system or the file system
// knows nothing else.
bool set_uncached(int file, bool uncached);

// Names the running of this kernel. None where the system does not tell. It opens files, so it is
// called before a sandbox is entered.
std::optional<Id128> boot_id();

// Names the page cache that DIRECTORY is read and written through: two processes that get the same
// answer see each other's writes, synced or not, and no crash of the system came between. None
// where the system cannot tell. BOOT is what boot_id() said.
std::optional<Id128> cache_life(int directory, const Id128& boot);

} // namespace letterlock::os
