// Builds the Landlock rules of a process, as far as the kernel's version goes.
#if defined(__linux__)

#include "common/os/landlock_linux.h"

#include "common/base/unique_fd.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace letterlock::os {

namespace {

// <linux/landlock.h> may be older than the kernel, so what came after version 1 is written out:
// the attribute with all its fields (a kernel accepts fields that it does not know as long as
// they are 0) and the later flags.
struct RulesetAttributes {
  std::uint64_t handled_files = 0;
  std::uint64_t handled_network = 0; // version 4
  std::uint64_t scoped = 0;          // version 6
};

constexpr std::uint64_t files_version_1 = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
constexpr std::uint64_t move_between_directories = 1 << 13; // ACCESS_FS_REFER, version 2
constexpr std::uint64_t truncate_file = 1 << 14;            // ACCESS_FS_TRUNCATE, version 3
constexpr std::uint64_t control_device = 1 << 15;           // ACCESS_FS_IOCTL_DEV, version 5
constexpr std::uint64_t tcp_bind = 1 << 0, tcp_connect = 1 << 1;
constexpr std::uint64_t abstract_sockets_and_signals = 1 << 0 | 1 << 1;

// What is handled and not granted is forbidden; what is not handled is not looked at.
RulesetAttributes everything_known_to(int abi, bool connects_out) {
  RulesetAttributes all;
  all.handled_files = files_version_1;
  if (abi >= 2)
    all.handled_files |= move_between_directories;
  if (abi >= 3)
    all.handled_files |= truncate_file;
  if (abi >= 4)
    all.handled_network = connects_out ? tcp_bind : tcp_bind | tcp_connect;
  if (abi >= 5)
    all.handled_files |= control_device;
  if (abi >= 6)
    all.scoped = abstract_sockets_and_signals;
  return all;
}

std::uint64_t granted(Files files) {
  constexpr std::uint64_t log = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                LANDLOCK_ACCESS_FS_MAKE_REG | truncate_file;
  switch (files) {
  case Files::none:
    return 0;
  case Files::log:
    return log;
  case Files::store:
    // Links, pipes and sockets are never made, which the call filter sees to: but what somebody
    // else has put in the place of a file is set aside, and moving it needs the right to make it
    // there and to remove it here.
    return log | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
           LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_MAKE_FIFO |
           LANDLOCK_ACCESS_FS_MAKE_SOCK | move_between_directories;
  }
  return 0;
}

Expected<void> grant_working_directory(int ruleset, std::uint64_t access,
                                       const std::string& directory) {
  const UniqueFd here(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!here)
    return fail_errno("enter " + directory);
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = here.get();
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return fail_errno("add a Landlock rule");
  return {};
}

} // namespace

int landlock_abi() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

Expected<int> restrict_by_landlock(Files files, bool connects_out, const std::string& directory) {
  const int abi = landlock_abi();
  if (abi == 0)
    return fail("this kernel has no Landlock, or it is switched off");
  if (abi == 1 && files == Files::store)
    return 0;

  const RulesetAttributes attributes = everything_known_to(abi, connects_out);
  const UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!ruleset)
    return fail_errno("make a Landlock rule set");
  if (const std::uint64_t access = granted(files) & attributes.handled_files; access != 0)
    if (const auto done = grant_working_directory(ruleset.get(), access, directory); !done)
      return std::unexpected(done.error());
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return fail_errno("enforce Landlock");
  return abi;
}

} // namespace letterlock::os

#endif
