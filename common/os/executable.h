// Executable: a program that was opened once and can be started many times.
//
// An upgrade of the files on disk never mixes versions: what is started is what was opened. Where
// the system cannot execute a descriptor (OpenBSD) it is started by path, and the schema hash that
// parent and child compare is the guard.
#pragma once

#include "common/base/error.h"
#include "common/base/unique_fd.h"

#include <sys/types.h>

#include <string>

namespace letterlock::os {

class Executable {
public:
  // PATH must be absolute.
  static Expected<Executable> open(const std::string& path);

  // Starts it in a process group of its own with `link` as descriptor 3 and, if `quiet`,
  // /dev/null as the standard three; no other descriptor of ours is passed on. Of the environment
  // only TZ and the options of the sanitizers go along. Interrupt and hangup are ignored: they
  // are for the parent. Returns its process id.
  Expected<pid_t> start(int link, bool quiet) const;

private:
  Executable(std::string path, UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  UniqueFd file_;
};

} // namespace letterlock::os
