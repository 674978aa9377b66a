// Becoming a daemon.
#include "letterlockd/background.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

namespace letterlock::letterlockd {

Expected<Background> Background::enter() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0)
    return fail_errno("pipe");
  const UniqueFd waits(fds[0]);
  UniqueFd told(fds[1]);
  const pid_t daemon = ::fork();
  if (daemon < 0)
    return fail_errno("fork");
  if (daemon > 0) {
    told.reset();
    char byte;
    ::_exit(::read(waits.get(), &byte, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  if (::setsid() < 0 || ::chdir("/") != 0)
    return fail_errno("cannot leave the terminal");
  return Background(std::move(told));
}

void Background::ready() {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int standard = 0; null && standard < 3; ++standard)
    ::dup2(null.get(), standard);
  const char byte = 0;
  // If nobody waits any more there is nobody to tell.
  [[maybe_unused]] const ssize_t written = ::write(told_.get(), &byte, 1);
  told_.reset();
}

} // namespace letterlock::letterlockd
