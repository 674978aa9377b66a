// smtpd: receives mail. It has the network and nothing else: no files, no keys, no passwords; what
// it takes in goes to queued.
#include "smtpd/smtp_service.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

int main() {
  using namespace letterlock;
  // A client that goes away while it is sent something is an error of that call.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return ipc::ChildProcess<Role::smtpd, smtpd::SmtpService>().run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "smtpd: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
