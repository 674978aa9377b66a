// Must not compile: nothing handles Grant, which authd may say to queued.
#include "common/ipc/link.h"

using namespace letterlock;

struct Handler {
  void on(const ipc::Commit&) {}
};

void tie(io::Loop& loop, UniqueFd a, Handler& handler) {
  const auto closed = [](const std::string&) {};
  ipc::Link<Role::queued, Role::authd> queued(loop, std::move(a), handler, closed);
  (void)queued; // error: the handler lacks an on\(\)
}
