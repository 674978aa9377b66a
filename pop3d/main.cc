// pop3d: hands out mail by POP3. It has the sockets of its clients, no files, no passwords to
// compare with, no private keys: the parent passes it listeners, queued open messages.
#include "pop3d/pop3_service.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

int main() {
  using namespace letterlock;
  // A client that closes while it is written to ends its session alone.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return ipc::ChildProcess<Role::pop3d, pop3d::Pop3Service>().run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pop3d: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
