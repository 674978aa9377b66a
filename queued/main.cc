// queued: keeps the messages. It has the state directory and the links to its peers, no sockets of
// its own, and parses neither messages nor anything else from the network.
#include "queued/queue_service.h"

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

int main() {
  using namespace letterlock;
  // Directories 0750 and files 0640: the group may read mail, others nothing.
  ::umask(027);
  try {
    return ipc::ChildProcess<Role::queued, queued::QueueService>().run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "queued: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
