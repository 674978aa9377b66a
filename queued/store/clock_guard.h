// ClockGuard: whether the clock may be believed where mail would be removed by it. Pure.
//
// The clock is compared with one that nobody sets, the time since boot, and at a start with the
// last time that was believed before. It is doubted after a jump of more than an hour, and at a
// start that is before that last time, more than 7 days after it, or that finds it doubted
// already; and believed again when it has gone like the other one for 24 hours. So a clock that is
// wrong and set right soon removes nothing. Source: docs/spool.md, "Clocks".
#pragma once

#include "common/base/error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace letterlock::queued {

// Both in seconds; they are read together.
struct ClockReading {
  std::int64_t wall = 0;       // since 1970
  std::int64_t since_boot = 0; // never set, and goes on while the machine sleeps if it can
};

// The content of the file `clock`. A value.
struct ClockRecord {
  std::int64_t believed = 0; // the latest time that was believed, in seconds since 1970
  bool doubted = false;      // since then

  static Expected<ClockRecord> parse(std::string_view file);
  std::string format() const;
};

class ClockGuard {
public:
  static constexpr std::int64_t longest_jump = 3600;
  static constexpr std::int64_t longest_absence = 7 * 24 * 3600;
  static constexpr std::int64_t doubt_patience = 24 * 3600;

  // BEFORE is what an earlier start has left; none: there was none.
  ClockGuard(const ClockReading& now, const std::optional<ClockRecord>& before);

  // What has changed with it, for the log; empty: nothing. Call it before each use, and every hour.
  std::string observe(const ClockReading& now);
  bool is_believed() const { return !doubted_since_; }
  // Why it is doubted, and for how long, for the log; empty if it is believed.
  const std::string& doubt() const { return doubt_; }
  // What the next start is to know.
  ClockRecord record() const { return {believed_, doubted_since_.has_value()}; }

private:
  void begin_doubt(const ClockReading& now, std::string why);

  std::int64_t offset_;       // wall less since_boot: of the start, or of the last jump
  std::int64_t believed_ = 0; // the latest wall
  std::string doubt_;
  std::optional<std::int64_t> doubted_since_; // since boot
};

} // namespace letterlock::queued
