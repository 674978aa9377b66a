// A function run in a forked process, and how that process ended: for what cannot be undone, and
// for what may kill.
#pragma once

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

struct Fate {
  int signal; // that killed it, or 0
  int code;   // of its exit, when no signal did

  bool operator==(const Fate&) const = default;
  std::string text() const {
    return signal != 0 ? "signal " + std::to_string(signal) : "exit " + std::to_string(code);
  }
};

// What ends a child that hangs, in seconds.
inline constexpr unsigned child_deadline = 30;

inline Fate fate_of(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child)
    std::abort();
  if (WIFSIGNALED(status))
    return {WTERMSIG(status), 0};
  return {0, WEXITSTATUS(status)};
}

// BODY's result (0 to 255) becomes the exit code; the process leaves without destructors, exit
// handlers or leak check.
template <class Body> pid_t start_forked(Body body) {
  const pid_t child = ::fork();
  if (child < 0)
    std::abort();
  if (child == 0) {
    ::alarm(child_deadline);
    ::_exit(body());
  }
  return child;
}

template <class Body> Fate run_forked(Body body) {
  return fate_of(start_forked(body));
}

// Gives up root for good, as an ordinary user has done before it started anything.
inline void become_ordinary_user(uid_t uid) {
  const gid_t gid = uid;
  if (::setgroups(1, &gid) != 0 || ::setresgid(gid, gid, gid) != 0 ||
      ::setresuid(uid, uid, uid) != 0)
    std::abort();
}
