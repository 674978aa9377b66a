// logd: writes the log lines of all processes. It has its directory and the channels, and nothing
// else.
#include "logd/log_service.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

int main() {
  using namespace letterlock;
  try {
    return ipc::ChildProcess<Role::logd, logd::LogService>().run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "logd: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
