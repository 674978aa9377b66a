// Comparing clocks.
#include "queued/store/clock_guard.h"

#include <algorithm>
#include <charconv>

namespace letterlock::queued {

namespace {

constexpr std::string_view heading = "letterlock clock 1\n";
constexpr std::string_view believed_word = "believed ", doubted_word = "doubted since ";

std::string rest_of_doubt() {
  return "nothing is removed for its age until it has gone evenly for 24 hours";
}

} // namespace

// ---- The file

Expected<ClockRecord> ClockRecord::parse(std::string_view file) {
  ClockRecord record;
  if (!file.starts_with(heading))
    return fail("clock: this is not \"letterlock clock 1\"");
  file.remove_prefix(heading.size());
  record.doubted = file.starts_with(doubted_word);
  if (!record.doubted && !file.starts_with(believed_word))
    return fail("clock: it says neither believed nor doubted");
  file.remove_prefix(record.doubted ? doubted_word.size() : believed_word.size());
  const char* const end = file.data() + file.size();
  const auto [stopped, error] = std::from_chars(file.data(), end, record.believed);
  if (error != std::errc() || record.believed < 0 || std::string_view(stopped, end) != "\n")
    return fail("clock: this is no time");
  return record;
}

std::string ClockRecord::format() const {
  return std::string(heading) + std::string(doubted ? doubted_word : believed_word) +
         std::to_string(believed) + "\n";
}

// ---- The guard

ClockGuard::ClockGuard(const ClockReading& now, const std::optional<ClockRecord>& before)
    : offset_(now.wall - now.since_boot), believed_(before ? before->believed : now.wall) {
  if (!before)
    return;
  if (before->doubted)
    begin_doubt(now, "the clock was doubted when the last start ended");
  else if (now.wall < believed_)
    begin_doubt(now, "the clock is behind the last time that was kept");
  else if (now.wall - believed_ > longest_absence)
    begin_doubt(now, "the clock is more than 7 days past the last time that was kept");
  else
    believed_ = now.wall;
}

void ClockGuard::begin_doubt(const ClockReading& now, std::string why) {
  doubted_since_ = now.since_boot;
  doubt_ = std::move(why) + ": " + rest_of_doubt();
}

std::string ClockGuard::observe(const ClockReading& now) {
  // Against where it started, so that many small steps count as one.
  const std::int64_t offset = now.wall - now.since_boot;
  if (offset - offset_ > longest_jump || offset_ - offset > longest_jump) {
    const std::int64_t by = offset - offset_;
    offset_ = offset;
    begin_doubt(now, "the clock has jumped by " + std::to_string(by) + " s");
    return doubt_;
  }
  if (!doubted_since_) {
    believed_ = std::max(believed_, now.wall);
    return {};
  }
  if (now.since_boot - *doubted_since_ < doubt_patience)
    return {};
  doubted_since_.reset();
  doubt_.clear();
  offset_ = offset;
  believed_ = now.wall;
  return "the clock is believed again";
}

} // namespace letterlock::queued
