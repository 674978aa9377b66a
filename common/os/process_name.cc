// The name of a process.
#include "common/os/process_name.h"

#include <string>

#if defined(__linux__)
#include <sys/prctl.h>
#else
#include <stdlib.h>
#endif

namespace letterlock::os {

void set_process_name(std::string_view name) {
  const std::string terminated(name);
#if defined(__linux__)
  ::prctl(PR_SET_NAME, terminated.c_str());
#else
  ::setproctitle("%s", terminated.c_str());
#endif
}

} // namespace letterlock::os
