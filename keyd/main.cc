// keyd: holds the private keys of TLS and signs with them. It has no network, no files and no
// other process's memory; the parent passes it the files to read.
#include "keyd/key_service.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

int main() {
  using namespace letterlock;
  try {
    return ipc::ChildProcess<Role::keyd, keyd::KeyService>().run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "keyd: %s\n", error.what());
    return EXIT_FAILURE;
  }
}
