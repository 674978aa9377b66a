// pop3d: hands out mail by POP3. It has the sockets of its clients, no files, no passwords to
// compare with, no private keys: the parent passes it listeners, queued open messages.
#include "pop3d/pop3_service.h"

int main() {
  using namespace letterlock;
  return ipc::run_child<Role::pop3d, pop3d::Pop3Service>();
}
