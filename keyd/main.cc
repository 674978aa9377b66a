// keyd: holds the private keys of TLS and signs with them. It has no network, no files and no
// other process's memory; the parent passes it the files to read.
#include "keyd/key_service.h"

int main() {
  using namespace letterlock;
  return ipc::run_child<Role::keyd, keyd::KeyService>();
}
