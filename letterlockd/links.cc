// Making links between children.
#include "letterlockd/links.h"

#include <sys/socket.h>

#include <algorithm>

namespace letterlock::letterlockd {

namespace {

// Two peers that break every link that they get do not keep the parent busy.
constexpr std::chrono::milliseconds before_relink{100};

// The log goes by records, like datagrams; but datagram sockets could be used to send to any
// other local socket as well.
bool make_pair_of(int type, UniqueFd& a, UniqueFd& b) {
  int fds[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0)
    return false;
  a = UniqueFd(fds[0]);
  b = UniqueFd(fds[1]);
  return true;
}

} // namespace

void Links::tie(Child& child) {
  if (child.role == Role::logd) {
    UniqueFd ours, theirs;
    if (make_pair_of(SOCK_SEQPACKET, ours, theirs) &&
        child.send(ipc::LogSource{Role::letterlockd, 0}, std::move(theirs)))
      log_.set_channel(std::move(ours), least_severity_);
    for (const auto& other : children_)
      if (other->up())
        give_log(*other);
  } else {
    give_log(child);
  }
  for (const auto& other : children_)
    if (other.get() != &child && other->up() && ipc::are_linked(child.role, other->role))
      connect(child, *other);
}

void Links::give_log(Child& child) {
  const auto logd = std::find_if(children_.begin(), children_.end(), [](const auto& other) {
    return other->role == Role::logd && other->up();
  });
  UniqueFd source, channel;
  if (logd == children_.end() || child.role == Role::logd ||
      !make_pair_of(SOCK_SEQPACKET, source, channel))
    return;
  (*logd)->send(ipc::LogSource{child.role, child.instance}, std::move(source));
  child.send(ipc::LogChannel{least_severity_}, std::move(channel));
}

void Links::connect(Child& a, Child& b) {
  Pair& pair = pairs_[std::minmax<const Child*>(&a, &b)];
  pair.again.reset();
  UniqueFd to_a, to_b;
  if (!make_pair_of(SOCK_STREAM, to_a, to_b)) {
    log_.error("link.failed", {{"between", a.name()}, {"and", b.name()}});
    return connect_later(a, b);
  }
  ++pair.serial;
  a.send(ipc::Peer{b.role, b.instance, pair.serial}, std::move(to_a));
  b.send(ipc::Peer{a.role, a.instance, pair.serial}, std::move(to_b));
}

void Links::lost(Child& child, const ipc::LinkLost& message) {
  const auto peer = std::find_if(children_.begin(), children_.end(), [&](const auto& other) {
    return other->role == message.role && other->instance == message.instance;
  });
  if (peer == children_.end() || !ipc::are_linked(child.role, message.role))
    return;
  Child& other = **peer;
  const Pair& pair = pairs_[std::minmax<const Child*>(&child, &other)];
  if (message.serial == pair.serial && !pair.again)
    connect_later(child, other);
}

void Links::connect_later(Child& a, Child& b) {
  Pair& pair = pairs_[std::minmax<const Child*>(&a, &b)];
  pair.again = std::make_unique<io::Timer>(loop_, [this, &pair, &a, &b] {
    // A child that is down gets its links when it comes up.
    if (!a.up() || !b.up())
      return pair.again.reset();
    log_.warning("link.renewed", {{"between", a.name()}, {"and", b.name()}});
    connect(a, b);
  });
  pair.again->start(before_relink);
}

} // namespace letterlock::letterlockd
