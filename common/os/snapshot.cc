// Copying a file into sealed memory.
#include "common/os/snapshot.h"

#include <fcntl.h>
#include <sys/stat.h>

#if defined(__linux__)
#include <sys/mman.h>
#include <sys/sendfile.h>
#endif

namespace letterlock::os {

namespace {

#if defined(__linux__)
Expected<UniqueFd> copy_to_memory(const std::string& path, const UniqueFd& file, std::size_t size) {
  UniqueFd memory(::memfd_create("snapshot", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory)
    return fail_errno(path + ": no memory for a copy");
  for (std::size_t copied = 0; copied < size;) {
    const ssize_t count = ::sendfile(memory.get(), file.get(), nullptr, size - copied);
    if (count < 0)
      return fail_errno(path);
    if (count == 0)
      break; // it became shorter meanwhile; who reads it will judge
    copied += static_cast<std::size_t>(count);
  }
  if (::fcntl(memory.get(), F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
    return fail_errno(path + ": cannot seal the copy");
  const std::string self = "/proc/self/fd/" + std::to_string(memory.get());
  UniqueFd read_only(::open(self.c_str(), O_RDONLY | O_CLOEXEC));
  if (!read_only)
    return fail_errno(self);
  return read_only;
}
#endif

} // namespace

Expected<UniqueFd> snapshot(UniqueFd file, const std::string& path, std::size_t max) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0)
    return fail_errno(path);
  if (!S_ISREG(status.st_mode))
    return fail(path + ": not a regular file");
  if (status.st_size < 0 || static_cast<std::size_t>(status.st_size) > max)
    return fail(path + ": longer than " + std::to_string(max) + " bytes");
#if defined(__linux__)
  return copy_to_memory(path, file, static_cast<std::size_t>(status.st_size));
#else
  return file;
#endif
}

} // namespace letterlock::os
