// logd: writes the log lines of all processes. It has its directory and the channels, and nothing
// else.
#include "logd/log_service.h"

int main() {
  using namespace letterlock;
  return ipc::run_child<Role::logd, logd::LogService>();
}
