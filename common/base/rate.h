// Rate: at most so many in a time.
#pragma once

#include <chrono>
#include <cstdint>

namespace letterlock {

// At most COUNT in a PERIOD: all at once or spread. Neither is 0.
struct Rate {
  std::uint32_t count = 1;
  std::chrono::milliseconds period{1};

  friend bool operator==(const Rate&, const Rate&) = default;
};

} // namespace letterlock
