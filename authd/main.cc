// authd: holds the password verifiers and checks logins against them. It has no network and no
// files; the parent passes it the password file to read.
#include "authd/auth_service.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

int main() {
  using namespace letterlock;
  try {
    return ipc::ChildProcess<Role::authd, authd::AuthService>().run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "authd: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
