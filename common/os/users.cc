// Looks up users and groups in the system's database.
#include "common/os/users.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <string>

namespace letterlock::os {

namespace {

Expected<Identity> find_user(const std::string& name) {
  errno = 0;
  const passwd* found = ::getpwnam(name.c_str());
  if (found == nullptr)
    return errno != 0 ? fail_errno("look up user " + name) : fail("no such user: " + name);
  return Identity{found->pw_uid, found->pw_gid};
}

Expected<gid_t> find_group(const std::string& name) {
  errno = 0;
  const group* found = ::getgrnam(name.c_str());
  if (found == nullptr)
    return errno != 0 ? fail_errno("look up group " + name) : fail("no such group: " + name);
  return found->gr_gid;
}

} // namespace

Expected<Identity> role_identity(Role role) {
  auto identity = find_user(std::string(role_user_name(role)));
  if (!identity || role != Role::queued)
    return identity;
  const auto mail_group = find_group(std::string(mail_group_name));
  if (!mail_group)
    return std::unexpected(mail_group.error());
  identity->gid = *mail_group;
  return identity;
}

} // namespace letterlock::os
