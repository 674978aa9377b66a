// Reading the clock that counts from the machine's start.
#include "common/os/boot_clock.h"

#include <ctime>

namespace letterlock::os {

std::int64_t seconds_since_boot() {
#ifdef CLOCK_BOOTTIME
  constexpr clockid_t clock = CLOCK_BOOTTIME;
#else
  constexpr clockid_t clock = CLOCK_MONOTONIC;
#endif
  timespec now = {};
  ::clock_gettime(clock, &now);
  return now.tv_sec;
}

} // namespace letterlock::os
