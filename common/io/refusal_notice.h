// RefusalNotice: which of the clients and recipients that are turned away get a line in the log.
//
// Whoever tries all the time would else fill the log until nothing but that is left in it. So
// many lines may follow each other, and one a second after that; the next line tells how many there
// would have been between.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace letterlock::io {

class RefusalNotice {
public:
  using Time = std::chrono::nanoseconds; // of a monotonic clock
  static constexpr std::int64_t most_refusals_at_once = 60;

  // None: no line for this one. Else how many had none since the last line.
  std::optional<std::uint64_t> due(Time now) {
    empty_at_ = std::max(empty_at_, now);
    if (empty_at_ - now > (most_refusals_at_once - 1) * interval) {
      ++left_out_;
      return std::nullopt;
    }
    empty_at_ += interval;
    return std::exchange(left_out_, 0);
  }

private:
  static constexpr std::chrono::seconds interval{1};

  Time empty_at_{0};
  std::uint64_t left_out_ = 0;
};

} // namespace letterlock::io
