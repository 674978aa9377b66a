// Sealed memory: Linux.
#include "common/os/memory_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace letterlock::os {

#if defined(__linux__)

Expected<UniqueFd> read_only_memory_file(Bytes content) {
  UniqueFd memory(::memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory)
    return fail_errno("memory for a message");
  while (!content.empty()) {
    const ssize_t written = ::write(memory.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return fail_errno("memory for a message");
    content = content.subspan(static_cast<std::size_t>(written));
  }
  if (::lseek(memory.get(), 0, SEEK_SET) != 0 ||
      ::fcntl(memory.get(), F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
    return fail_errno("sealing a message");
  return memory;
}

bool is_writable(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY)
    return false;
  constexpr int sealed = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
  const int seals = ::fcntl(fd, F_GET_SEALS);
  return seals < 0 || (seals & sealed) != sealed;
}

#else

Expected<UniqueFd> read_only_memory_file(Bytes) {
  errno = ENOSYS;
  return fail_errno("memory for a message");
}

bool is_writable(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags < 0 || (flags & O_ACCMODE) != O_RDONLY;
}

#endif

} // namespace letterlock::os
