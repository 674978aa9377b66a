// ComputingBudget: a bound on the time that one client takes from a process that serves several.
//
// Pure: the time is passed in. A client may use half of a second's computing in a second, and a
// little ahead; what a taken-over process asks beyond that is refused at once, so the others are
// answered well within their 250 ms.
#pragma once

#include <algorithm>
#include <chrono>

namespace letterlock::keyd {

class ComputingBudget {
public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;
  static constexpr Duration most_ahead = std::chrono::milliseconds(50);

  // False: the budget is used up; ask again later.
  bool may_compute(Time now) {
    if (last_ != Time())
      left_ = std::min(most_ahead, left_ + (now - last_) / 2);
    last_ = now;
    return left_ > Duration::zero();
  }
  void computed(Duration took) { left_ -= took; }

private:
  Duration left_ = most_ahead;
  Time last_{};
};

} // namespace letterlock::keyd
