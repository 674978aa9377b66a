// Caller<Self, Peer>: a link on which Self asks Peer and waits for the answer, with a deadline.
//
// For questions that a library asks from the middle of a call and that cannot be put off: the
// signature in a TLS handshake. The loop stands still meanwhile, so the deadline is short and the
// peer is one that only computes. After a breach or the peer's end every call fails at once, and
// the owner replaces the Caller by one on a fresh link.
#pragma once

#include "common/ipc/link.h"

#include <poll.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

namespace letterlock::ipc {

template <Role Self, Role Peer> class Caller {
public:
  explicit Caller(UniqueFd socket) : channel_(std::move(socket)) {}

  // Sends the request and hands every answer that comes to `accept`, which says whether it is the
  // one to this request (late answers to earlier ones are not). False: none in time.
  template <Message Answer, Message Request, class Accept>
    requires Routed<Self, Peer, Request> && Routed<Peer, Self, Answer>
  bool call(const Request& request, std::chrono::milliseconds deadline, Accept accept) {
    static_assert(Request::carries == Carries::nothing && Answer::carries == Carries::nothing);
    const auto until = std::chrono::steady_clock::now() + deadline;
    if (failed_ || !channel_.queue(request))
      return false;
    struct Handler {
      Accept& accept;
      bool answered = false;
      void on(const Answer& answer) { answered = answered || accept(answer); }
    } handler{accept};
    while (!handler.answered) {
      const auto flushed = channel_.flush();
      const auto wants = flushed == Channel::Flushed::blocked ? POLLIN | POLLOUT : POLLIN;
      if (flushed == Channel::Flushed::closed || !wait(static_cast<short>(wants), until)) {
        failed_ = failed_ || flushed == Channel::Flushed::closed;
        return false;
      }
      switch (channel_.receive(
          [&](Frame frame) { return dispatch<Peer, Self>(handler, std::move(frame)); })) {
      case Channel::Received::all:
      case Channel::Received::more:
        break;
      case Channel::Received::closed:
      case Channel::Received::broken:
        failed_ = true;
        return handler.answered;
      }
    }
    return true;
  }

  // Whether the link has come to its end, and the breach that ended it; empty if the peer just
  // went.
  bool failed() const { return failed_; }
  const std::string& why() const { return channel_.why(); }

private:
  bool wait(short events, std::chrono::steady_clock::time_point until) {
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          until - std::chrono::steady_clock::now());
      if (left.count() <= 0)
        return false;
      pollfd p = {.fd = channel_.fd(), .events = events, .revents = 0};
      const int ready = ::poll(&p, 1, static_cast<int>(left.count()) + 1);
      if (ready > 0)
        return true;
      if (ready < 0 && errno != EINTR)
        return false;
    }
  }

  Channel channel_;
  bool failed_ = false;
};

} // namespace letterlock::ipc
