// Programs: the executables of the other processes, and how each is to be confined.
#pragma once

#include "common/base/role.h"
#include "common/conf/configuration.h"
#include "common/ipc/messages/start.h"
#include "common/os/executable.h"

#include <map>
#include <string>

namespace letterlock::letterlockd {

// The roles that run below the parent, in the order in which they are started: logd first, so
// that the others' lines have somewhere to go.
inline constexpr Role child_roles[] = {Role::logd,   Role::keyd,  Role::authd, Role::resolvd,
                                       Role::queued, Role::smtpd, Role::pop3d};

// The root directory of processes that need no file. Nobody but root can put anything there.
inline constexpr std::string_view empty_directory = "/var/empty";

class Programs {
public:
  // Opens the executables below DIRECTORY, an absolute path; a missing one is an error.
  static Expected<Programs> open(const std::string& directory);

  const os::Executable& of(Role role) const { return executables_.at(role); }

private:
  std::map<Role, os::Executable> executables_;
};

// Whether a role has several processes, which share its clients.
constexpr bool has_workers(Role role) {
  return role == Role::smtpd || role == Role::pop3d;
}
// How many processes such a role has: as configured, or one for each core.
unsigned worker_count(const conf::Server& server);

// What a process of that role is told first. With root's rights it takes on its own user and
// root directory; a user that the system lacks is an error.
Expected<ipc::Start> start_message(Role role, std::uint16_t instance,
                                   const conf::Configuration& configuration);

// The most descriptors that any process is allowed, which an ordinary user's own limit has to
// admit.
std::uint32_t most_open_files(const conf::Configuration& configuration);

// Makes the directories that are missing, with the owner and mode that they need; one that exists
// is left as it is.
Expected<void> make_directories(const conf::Server& server);

} // namespace letterlock::letterlockd
