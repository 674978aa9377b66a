// boot_clock: a clock that nobody sets, to compare the other one with.
#pragma once

#include <cstdint>

namespace letterlock::os {

// Seconds since the machine started, with those that it slept where the system counts them.
std::int64_t seconds_since_boot();

} // namespace letterlock::os
