// Compiles: what is routed is sent, and everything is handled.
#include "common/ipc/link.h"

using namespace letterlock;

struct Handler {
  void on(const ipc::Grant&) {}
};

void tie(io::Loop& loop, UniqueFd a, UniqueFd b, Handler& handler) {
  const auto closed = [](const std::string&) {};
  ipc::Link<Role::queued, Role::authd> queued(loop, std::move(a), handler, closed);
  queued.send(ipc::GrantTaken{});
}
