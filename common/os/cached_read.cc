// Reading from the page cache alone: preadv2(2) of Linux.
#include "common/os/cached_read.h"

#include <sys/uio.h>

namespace letterlock::os {

#if defined(__linux__)

std::optional<std::size_t> read_cached(int fd, std::span<std::byte> into, std::uint64_t offset) {
  const iovec part = {.iov_base = into.data(), .iov_len = into.size()};
  const ssize_t count = ::preadv2(fd, &part, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  if (count < 0)
    return std::nullopt;
  return static_cast<std::size_t>(count);
}

#else

std::optional<std::size_t> read_cached(int, std::span<std::byte>, std::uint64_t) {
  return std::nullopt;
}

#endif

} // namespace letterlock::os
