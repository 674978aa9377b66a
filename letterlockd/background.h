// Background: becoming a daemon in such a way that the command that started it ends only when the
// service runs, with status 0, or has failed to start, with status 1.
#pragma once

#include "common/base/error.h"
#include "common/base/unique_fd.h"

namespace letterlock::letterlockd {

class Background {
public:
  // Returns in the daemon, in a session of its own; the first process waits and exits inside.
  // Standard error stays until ready(), for messages about the start.
  static Expected<Background> enter();

  // Lets the first process exit with status 0, and lets go of the terminal.
  void ready();

private:
  explicit Background(UniqueFd told) : told_(std::move(told)) {}
  UniqueFd told_; // its end without a byte is a failed start
};

} // namespace letterlock::letterlockd
