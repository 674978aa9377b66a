// The system's users and groups that the processes run as.
//
// Looked up by the parent while it can still read the user database, once for each start of a
// child; the children get numbers.
#pragma once

#include "common/base/error.h"
#include "common/base/role.h"
#include "common/os/privileges.h"

#include <string_view>

namespace letterlock::os {

// Members may read the stored mail (with mutt, mblaze, rsync) without being root.
inline constexpr std::string_view mail_group_name = "letterlock";

// Roles that must not reach each other's memory or files have different users.
constexpr std::string_view role_user_name(Role role) {
  switch (role) {
  case Role::letterlockd:
    return "root";
  case Role::smtpd:
    return "_llsmtp";
  case Role::pop3d:
    return "_llpop3";
  case Role::queued:
    return "_llqueue";
  case Role::authd:
    return "_llauth";
  case Role::keyd:
    return "_lltls";
  case Role::resolvd:
    return "_lldns";
  case Role::logd:
    return "_lllog";
  }
  return {};
}

// The user of ROLE with its primary group; queued with the mail group, so that what it writes
// belongs to it. An error names the user or group that the system lacks.
Expected<Identity> role_identity(Role role);

} // namespace letterlock::os
