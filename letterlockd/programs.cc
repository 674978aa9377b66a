// The other processes: their programs, users, directories and limits.
#include "letterlockd/programs.h"

#include "common/ipc/messages/lookup.h"
#include "common/ipc/routes.h"
#include "common/os/users.h"
#include "letterlockd/settings.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace letterlock::letterlockd {

namespace {

bool is_root() {
  return ::geteuid() == 0;
}

std::string root_directory(Role role, const conf::Server& server) {
  switch (role) {
  case Role::queued:
    return std::string(server.state_dir.view());
  case Role::logd:
    return std::string(server.log_dir.view());
  default:
    return is_root() ? std::string(empty_directory) : std::string();
  }
}

std::uint32_t most_certificates(const conf::Configuration& configuration) {
  return 1 + static_cast<std::uint32_t>(configuration.domains.size());
}

std::uint32_t open_files(Role role, const conf::Configuration& configuration) {
  // Links, listeners, the loop's own, and a reserve, so that a full process can still be given a
  // link or a new generation.
  constexpr std::uint32_t base = 128;
  const unsigned workers = worker_count(configuration.server);
  switch (role) {
  case Role::smtpd: // a socket and a scratch file for each session, two while one takes its place
  case Role::pop3d: // a socket, an open message, and one that was opened ahead
    return base + 3 * connections_of_worker(configuration.limits, workers);
  case Role::resolvd: // a link to each worker, a socket for each question, some for long answers
    return 2 * base + ipc::most_questions_at_once;
  case Role::queued: // scratch files, messages on their way, and what peers have not taken yet
    return 8 * base + workers * scratch_files_of_worker(configuration.limits, workers) +
           configuration.limits.connections;
  case Role::letterlockd: // certificates and keys of two generations, and what nobody has taken yet
    return 2 * base + (4 + 2 * workers + 2) * most_certificates(configuration);
  default:
    return base;
  }
}

Expected<void> make_directory(const std::string& path, Role owner, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0) {
    if (errno == EEXIST)
      return {};
    return fail_errno(path);
  }
  // The mode that mkdir(2) gave may be cut by the umask.
  if (::chmod(path.c_str(), mode) != 0)
    return fail_errno(path);
  if (!is_root() || owner == Role::letterlockd)
    return {};
  const auto identity = os::role_identity(owner);
  if (!identity)
    return std::unexpected(identity.error());
  if (::lchown(path.c_str(), identity->uid, identity->gid) != 0)
    return fail_errno(path);
  return {};
}

} // namespace

Expected<Programs> Programs::open(const std::string& directory) {
  Programs programs;
  for (const Role role : child_roles) {
    auto executable = os::Executable::open(directory + "/" + std::string(role_name(role)));
    if (!executable)
      return std::unexpected(executable.error());
    programs.executables_.emplace(role, std::move(*executable));
  }
  return programs;
}

unsigned worker_count(const conf::Server& server) {
  return server.workers ? *server.workers : std::max(1u, std::thread::hardware_concurrency());
}

Expected<ipc::Start> start_message(Role role, std::uint16_t instance,
                                   const conf::Configuration& configuration) {
  ipc::Start start;
  start.schema = ipc::schema_hash;
  start.instance = instance;
  start.parent_pid = static_cast<std::uint32_t>(::getpid());
  if (is_root()) {
    const auto identity = os::role_identity(role);
    if (!identity)
      return std::unexpected(identity.error());
    start.has_identity = true;
    start.uid = identity->uid;
    start.gid = identity->gid;
  }
  start.root_directory = Text<1024>::cut(root_directory(role, configuration.server));
  start.open_files = open_files(role, configuration);
  start.best_effort = configuration.server.sandbox == conf::SandboxMode::best_effort;
  return start;
}

std::uint32_t most_open_files(const conf::Configuration& configuration) {
  std::uint32_t most = std::max(1024U, open_files(Role::letterlockd, configuration));
  for (const Role role : child_roles)
    most = std::max(most, open_files(role, configuration));
  return most;
}

Expected<void> make_directories(const conf::Server& server) {
  // Readable by the group `letterlock`, whose members may read the mail.
  if (auto made = make_directory(std::string(server.state_dir.view()), Role::queued, 0750); !made)
    return made;
  if (auto made = make_directory(std::string(server.log_dir.view()), Role::logd, 0750); !made)
    return made;
  if (is_root())
    return make_directory(std::string(empty_directory), Role::letterlockd, 0755);
  return {};
}

} // namespace letterlock::letterlockd
