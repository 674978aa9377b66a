// IdleTimer: a timer that is put off all the time and fires seldom.
//
// Putting it off remembers a time and touches nothing else; the loop's timer is started again only
// when it fires too early.
#pragma once

#include "common/io/loop.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

namespace letterlock::smtpd {

class IdleTimer {
public:
  using Clock = std::chrono::steady_clock;

  IdleTimer(io::Loop& loop, std::function<void()> expired)
      : expired_(std::move(expired)), timer_(loop, [this] { fired(); }) {}

  // Takes the place of the time set before, be it sooner or later.
  void expire_at(Clock::time_point deadline) {
    deadline_ = deadline;
    if (!timer_.running() || deadline < fires_at_)
      start();
  }

private:
  void start() {
    fires_at_ = deadline_;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        std::max(deadline_ - Clock::now(), Clock::duration::zero()));
    timer_.start(left);
  }

  void fired() {
    if (Clock::now() < deadline_)
      return start();
    const auto callback = expired_; // which may destroy this
    callback();
  }

  std::function<void()> expired_;
  Clock::time_point deadline_;
  Clock::time_point fires_at_;
  io::Timer timer_;
};

} // namespace letterlock::smtpd
