// The calendar is std::chrono's, so no time zone file is read and no locale asked.
#include "common/mail/date.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace letterlock::mail {

namespace {

constexpr std::array<const char*, 7> weekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

} // namespace

std::string date_time(const WallTime& when) {
  using namespace std::chrono;
  constexpr auto day_minutes = 24 * 60;
  constexpr sys_seconds earliest = sys_days(year(1900) / 1 / 2);
  constexpr sys_seconds latest = sys_days(year(9999) / 12 / 30);
  const int offset = std::clamp(when.utc_offset_minutes, 1 - day_minutes, day_minutes - 1);
  const sys_seconds moment(std::clamp(seconds(when.unix_seconds), earliest.time_since_epoch(),
                                      latest.time_since_epoch()));
  const auto local = moment + minutes(offset);
  const auto midnight = floor<days>(local);
  const year_month_day date(midnight);
  const hh_mm_ss time(local - midnight);

  char text[64];
  const int size = std::snprintf(
      text, sizeof text, "%s, %u %s %d %02d:%02d:%02d %c%02d%02d",
      weekdays[weekday(midnight).c_encoding()], static_cast<unsigned>(date.day()),
      months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()), offset < 0 ? '-' : '+', std::abs(offset) / 60,
      std::abs(offset) % 60);
  return {text, static_cast<std::size_t>(size)};
}

} // namespace letterlock::mail
