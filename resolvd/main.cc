// resolvd: asks name servers for the others. It makes sockets of its own and has no file; who it
// asks is what the parent has told it.
#include "resolvd/lookup_service.h"

int main() {
  using namespace letterlock;
  return ipc::run_child<Role::resolvd, resolvd::LookupService>();
}
