// Giving up user, root directory and limits with the calls that Linux and OpenBSD share.
#include "common/os/privileges.h"

#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace letterlock::os {

namespace {

Expected<void> set_open_files(rlim_t soft, rlim_t hard, rlim_t present_hard) {
  const rlimit wanted{soft, hard};
  if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0)
    return {};
  const std::string what = "allow " + std::to_string(soft) + " open files";
  if (hard > present_hard && errno == EPERM)
    return fail(what + ": the hard limit is " + std::to_string(present_hard));
  return fail_errno(what);
}

Expected<rlim_t> hard_limit_of_open_files() {
  rlimit now{};
  if (::getrlimit(RLIMIT_NOFILE, &now) != 0)
    return fail_errno("read the limit of open files");
  return now.rlim_max;
}

} // namespace

Expected<void> limit_open_files(unsigned count) {
  const auto hard = hard_limit_of_open_files();
  if (!hard)
    return std::unexpected(hard.error());
  return set_open_files(count, count, *hard);
}

Expected<void> set_open_files(unsigned count) {
  const auto hard = hard_limit_of_open_files();
  if (!hard)
    return std::unexpected(hard.error());
  return set_open_files(count, std::max<rlim_t>(count, *hard), *hard);
}

Expected<void> forbid_core_files() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0)
    return fail_errno("forbid core files");
  return {};
}

Expected<void> forbid_processes() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_NPROC, &none) != 0)
    return fail_errno("forbid processes");
  return {};
}

Expected<void> change_root(const std::string& directory) {
  // Into it first, so that the working directory is never outside of the root: from there ".."
  // would lead out.
  if (::chdir(directory.c_str()) != 0)
    return fail_errno("change to " + directory);
  if (::chroot(".") != 0)
    return fail_errno("change root to " + directory);
  if (::chdir("/") != 0)
    return fail_errno("change to the new root " + directory);
  return {};
}

Expected<void> check_belongs_to_root(const std::string& directory) {
  struct stat found {};
  if (::stat(directory.c_str(), &found) != 0)
    return fail_errno(directory);
  if (!S_ISDIR(found.st_mode))
    return fail(directory + ": not a directory");
  if (found.st_uid != 0 || (found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(directory + ": must belong to root and be writable by root only");
  return {};
}

Expected<void> become(Identity identity) {
  const auto [uid, gid] = identity;
  if (uid == 0 || gid == 0)
    return fail("become user " + std::to_string(uid) + " group " + std::to_string(gid) +
                ": may not be root");
  if (::setgroups(1, &gid) != 0)
    return fail_errno("set groups");
  if (::setresgid(gid, gid, gid) != 0)
    return fail_errno("become group " + std::to_string(gid));
  if (::setresuid(uid, uid, uid) != 0)
    return fail_errno("become user " + std::to_string(uid));

  uid_t real = 0, effective = 0, saved = 0;
  gid_t real_group = 0, effective_group = 0, saved_group = 0;
  if (::getresuid(&real, &effective, &saved) != 0 ||
      ::getresgid(&real_group, &effective_group, &saved_group) != 0)
    return fail_errno("read back user and group");
  if (real != uid || effective != uid || saved != uid || real_group != gid ||
      effective_group != gid || saved_group != gid)
    return fail("become user " + std::to_string(uid) + ": some ids stayed as they were");
  if (::setuid(0) == 0 || ::seteuid(0) == 0 || ::setgid(0) == 0)
    return fail("become user " + std::to_string(uid) + ": root could be had back");
  return {};
}

} // namespace letterlock::os
