// Reading ahead: posix_fadvise(2), which OpenBSD has not.
#include "common/os/read_ahead.h"

#include <fcntl.h>

namespace letterlock::os {

#if defined(POSIX_FADV_WILLNEED)

void read_ahead(int fd, std::uint64_t offset, std::uint64_t length) {
  static_cast<void>(::posix_fadvise(fd, static_cast<off_t>(offset), static_cast<off_t>(length),
                                    POSIX_FADV_WILLNEED));
}

#else

void read_ahead(int, std::uint64_t, std::uint64_t) {}

#endif

} // namespace letterlock::os
