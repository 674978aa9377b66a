// Starting programs.
#include "common/os/executable.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <vector>

namespace letterlock::os {

namespace {

constexpr int link_number = 3;

// Everything between fork and exec: only calls that are safe there.
[[noreturn]] void become_program(int file, const char* path, int link, int null,
                                 char* const* arguments, char* const* environment) {
  ::setpgid(0, 0);
  for (const int ignored : {SIGHUP, SIGINT, SIGPIPE})
    ::signal(ignored, SIG_IGN);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (null >= 0)
    for (int standard = 0; standard < 3; ++standard)
      ::dup2(null, standard);
  // dup2() to the same number would leave close-on-exec set.
  if (link == link_number)
    ::fcntl(link, F_SETFD, 0);
  else
    ::dup2(link, link_number);
#if defined(__linux__)
  (void)path;
  ::fexecve(file, arguments, environment);
#else
  (void)file;
  ::execve(path, arguments, environment);
#endif
  ::_exit(127);
}

} // namespace

Expected<Executable> Executable::open(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    return fail_errno(path);
  // Below the number of the link it would be overwritten by it before it is executed.
  if (file.get() <= link_number) {
    UniqueFd higher(::fcntl(file.get(), F_DUPFD_CLOEXEC, link_number + 1));
    file = std::move(higher);
  }
  if (!file || ::access(path.c_str(), X_OK) != 0)
    return fail_errno(path);
  return Executable(path, std::move(file));
}

Expected<pid_t> Executable::start(int link, bool quiet) const {
  const UniqueFd null(quiet ? ::open("/dev/null", O_RDWR | O_CLOEXEC) : -1);
  std::vector<std::string> variables;
  for (const char* name : {"TZ", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"})
    if (const char* const value = std::getenv(name))
      variables.push_back(std::string(name) + "=" + value);
  std::vector<char*> environment;
  for (std::string& variable : variables)
    environment.push_back(variable.data());
  environment.push_back(nullptr);
  std::string name = path_.substr(path_.rfind('/') + 1);
  std::array<char*, 2> arguments = {name.data(), nullptr};

  const pid_t child = ::fork();
  if (child < 0)
    return fail_errno("fork");
  if (child == 0)
    become_program(file_.get(), path_.c_str(), link, null.get(), arguments.data(),
                   environment.data());
  return child;
}

} // namespace letterlock::os
