// queued: keeps the messages. It has the state directory and the links to its peers, no sockets of
// its own, and parses neither messages nor anything else from the network.
#include "queued/queue_service.h"

#include <sys/stat.h>

int main() {
  using namespace letterlock;
  // Directories 0750 and files 0640: the group may read mail, others nothing.
  ::umask(027);
  return ipc::run_child<Role::queued, queued::QueueService>();
}
