// authd: holds the password verifiers and checks logins against them. It has no network and no
// files; the parent passes it the password file to read.
#include "authd/auth_service.h"

int main() {
  using namespace letterlock;
  return ipc::run_child<Role::authd, authd::AuthService>();
}
