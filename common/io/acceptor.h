// Acceptor: takes connections from a listening socket.
//
// When the process has no descriptor left, or its owner no room, it pauses instead of spinning:
// what waits stays in the kernel's backlog, where another worker may take it.
#pragma once

#include "common/base/ip_address.h"
#include "common/base/unique_fd.h"
#include "common/io/loop.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace letterlock::io {

struct Accepted {
  UniqueFd socket; // non-blocking
  IpAddress address;
  std::string peer_text; // the address, for logs: "192.0.2.1", "2001:db8::1"
};

class Acceptor {
public:
  // `on_accepted` may destroy the acceptor. `on_trouble` is told once for each pause that a fault
  // of accept(2) causes; after a second it is tried again.
  Acceptor(Loop& loop, UniqueFd listener, std::function<void(Accepted)> on_accepted,
           std::function<void(const std::string&)> on_trouble);

  // Accepts while OPEN; starts closed.
  void set_open(bool open);

private:
  void accept_some();

  UniqueFd listener_;
  std::function<void(Accepted)> on_accepted_;
  std::function<void(const std::string&)> on_trouble_;
  FdWatch watch_;
  Timer retry_;
  bool open_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// FullNotice: when to tell the administrator that there is no room for further connections: when
// the last place is taken, and not more than once a minute.
class FullNotice {
public:
  bool due(bool full) {
    const auto now = std::chrono::steady_clock::now();
    const bool tell = full && !full_ && (!told_ || now - *told_ >= std::chrono::minutes(1));
    full_ = full;
    if (tell)
      told_ = now;
    return tell;
  }

private:
  bool full_ = false;
  std::optional<std::chrono::steady_clock::time_point> told_;
};

} // namespace letterlock::io
