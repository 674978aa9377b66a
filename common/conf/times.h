// The values of keys that are times, and numbers of something in a time.
#pragma once

#include "common/base/rate.h"
#include "common/conf/parsed.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace letterlock::conf {

inline constexpr std::uint64_t second_ms = 1000;
inline constexpr std::uint64_t minute_ms = 60 * second_ms;
inline constexpr std::uint64_t hour_ms = 60 * minute_ms;
inline constexpr std::uint64_t day_ms = 24 * hour_ms;

// A whole number and one of the units s, min, h and d: "10min". Bounds are in milliseconds.
Parsed<std::chrono::milliseconds> parse_duration(std::string_view s, std::uint64_t least,
                                                 std::uint64_t most);

// "100/h": so many in one of these units, from 1 to a million. None for "no", which is without a
// limit.
Parsed<std::optional<Rate>> parse_rate_or_no(std::string_view s);

// For tables: a duration with its bounds in milliseconds, or 0 for "no".
template <std::uint64_t least, std::uint64_t most>
Parsed<std::chrono::milliseconds> duration_or_no(std::string_view s) {
  if (s == "no")
    return std::chrono::milliseconds(0);
  return parse_duration(s, least, most);
}

// "90000" as "90s", in the largest unit in which it is a whole number; milliseconds.
std::string duration_text(std::uint64_t milliseconds);

} // namespace letterlock::conf
