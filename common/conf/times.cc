// Parsing of times and rates.
#include "common/conf/times.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace letterlock::conf {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t milliseconds;
};
constexpr std::array units = {Unit{"d", day_ms}, Unit{"h", hour_ms}, Unit{"min", minute_ms},
                              Unit{"s", second_ms}};

const Unit* find_unit(std::string_view name) {
  const auto found =
      std::find_if(units.begin(), units.end(), [&](const Unit& unit) { return unit.name == name; });
  return found == units.end() ? nullptr : &*found;
}

// Takes a whole number off the beginning.
std::optional<std::uint64_t> take_number(std::string_view& s) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (error != std::errc())
    return std::nullopt;
  s.remove_prefix(static_cast<std::size_t>(end - s.data()));
  return value;
}

} // namespace

Parsed<std::chrono::milliseconds> parse_duration(std::string_view s, std::uint64_t least,
                                                 std::uint64_t most) {
  auto rest = s;
  const auto number = take_number(rest);
  const Unit* const unit = find_unit(rest);
  if (!number || unit == nullptr)
    return wrong(quoted(s) + " is no time; write a number with s, min, h or d such as 10min");
  if (*number > most / unit->milliseconds || *number * unit->milliseconds < least)
    return wrong(quoted(s) + " is out of range; write a time from " + duration_text(least) +
                 " to " + duration_text(most));
  return std::chrono::milliseconds(*number * unit->milliseconds);
}

Parsed<std::optional<Rate>> parse_rate_or_no(std::string_view s) {
  constexpr std::uint64_t most = 1'000'000;
  if (s == "no")
    return std::nullopt;
  auto rest = s;
  const auto number = take_number(rest);
  const Unit* const unit = rest.starts_with('/') ? find_unit(rest.substr(1)) : nullptr;
  if (!number || *number == 0 || *number > most || unit == nullptr)
    return wrong(quoted(s) + " is no rate; write no, or a number from 1 to 1000000 with /s, /min, "
                             "/h or /d such as 100/h");
  return Rate{static_cast<std::uint32_t>(*number), std::chrono::milliseconds(unit->milliseconds)};
}

std::string duration_text(std::uint64_t milliseconds) {
  for (const Unit& unit : units)
    if (milliseconds != 0 && milliseconds % unit.milliseconds == 0)
      return std::to_string(milliseconds / unit.milliseconds) + std::string(unit.name);
  return std::to_string(milliseconds) + "ms";
}

} // namespace letterlock::conf
