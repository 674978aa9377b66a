// Reading a whole small file through a descriptor.
#include "common/base/read_file.h"

#include <unistd.h>

#include <cerrno>

namespace letterlock {

Expected<std::string> read_file(int fd, std::size_t max) {
  std::string content;
  char part[16384];
  for (;;) {
    const ssize_t count = ::pread(fd, part, sizeof part, static_cast<off_t>(content.size()));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return fail_errno("cannot read");
    if (count == 0)
      return content;
    if (content.size() + static_cast<std::size_t>(count) > max)
      return fail("longer than " + std::to_string(max) + " bytes");
    content.append(part, static_cast<std::size_t>(count));
  }
}

} // namespace letterlock
