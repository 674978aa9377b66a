// The date-time of RFC 5322 §3.3: "Sat, 21 Nov 2026 22:27:39 +0100".
#pragma once

#include <cstdint>
#include <string>

namespace letterlock::mail {

// A moment as the world's clocks show it. The offset is passed in because finding it opens files.
struct WallTime {
  std::int64_t unix_seconds = 0;
  int utc_offset_minutes = 0; // east of Greenwich is positive
};

// Years are kept within 1900 to 9999 and offsets within a day, which is what the grammar can say.
std::string date_time(const WallTime& when);

} // namespace letterlock::mail
