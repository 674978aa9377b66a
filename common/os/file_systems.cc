// Whole file systems: Linux, and the substitutes elsewhere.
#include "common/os/file_systems.h"

#include "common/base/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace letterlock::os {

#if defined(__linux__)

namespace {

// The number of a mount that is never used again while the kernel runs (Linux 6.8); headers of
// Debian 12 do not name it.
constexpr unsigned unique_mount_number = 0x4000;

} // namespace

const int no_access_time = O_NOATIME;

int sync_file_system(int directory) {
  return ::syncfs(directory);
}

bool set_uncached(int file, bool uncached) {
  const int flags = ::fcntl(file, F_GETFL);
  return flags >= 0 &&
         ::fcntl(file, F_SETFL, uncached ? flags | O_DIRECT : flags & ~O_DIRECT) == 0 && uncached;
}

std::optional<Id128> boot_id() {
  const UniqueFd file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  if (!file)
    return std::nullopt;
  char buffer[64];
  const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
  std::string digits;
  for (ssize_t i = 0; i < got; ++i)
    if (buffer[i] != '-' && buffer[i] != '\n')
      digits += buffer[i];
  return Id128::from_hex(digits);
}

std::optional<Id128> cache_life(int directory, const Id128& boot) {
  struct statx about = {};
  if (::statx(directory, "", AT_EMPTY_PATH, unique_mount_number, &about) != 0 ||
      (about.stx_mask & unique_mount_number) == 0)
    return std::nullopt;
  // The mount's number tells mounts of one boot apart, the boot's id is random.
  Id128 life = boot;
  for (std::size_t i = 0; i < 8; ++i)
    life.bytes[i] ^= static_cast<std::uint8_t>(about.stx_mnt_id >> 8 * i);
  return life;
}

#else

const int no_access_time = 0;

int sync_file_system(int) {
  errno = ENOSYS;
  return -1;
}

bool set_uncached(int, bool) {
  return false;
}

std::optional<Id128> boot_id() {
  return std::nullopt;
}

std::optional<Id128> cache_life(int, const Id128&) {
  return std::nullopt;
}

#endif

} // namespace letterlock::os
