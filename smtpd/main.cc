// smtpd: receives mail. It has the network and nothing else: no files, no keys, no passwords; what
// it takes in goes to queued.
#include "smtpd/smtp_service.h"

int main() {
  using namespace letterlock;
  return ipc::run_child<Role::smtpd, smtpd::SmtpService>();
}
