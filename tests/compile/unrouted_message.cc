// Must not compile: queued may not say Grant to authd.
#include "common/ipc/link.h"

using namespace letterlock;

struct Handler {
  void on(const ipc::Grant&) {}
};

void tie(io::Loop& loop, UniqueFd a, Handler& handler) {
  const auto closed = [](const std::string&) {};
  ipc::Link<Role::queued, Role::authd> queued(loop, std::move(a), handler, closed);
  queued.send(ipc::Grant{}); // error: constraints not satisfied|no matching
}
