// Whatever the clock does, it is believed only while it goes evenly: a time that is believed is
// never before one that was, but for a day of doubt between them.
//
// Each step is an octet that says how the clock goes on, and an amount.
#include "queued/store/clock_guard.h"
#include "tests/fuzz/fuzz.h"

using namespace letterlock;
using namespace letterlock::queued;
using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  ClockReading now{1'800'000'000, 1000};
  ClockGuard guard(now, std::nullopt);
  require(guard.is_believed()); // there is nothing to compare it with
  std::int64_t doubted_at = 0;  // since boot
  std::int64_t evenly = 0;      // seconds without a jump or a start
  while (!input.at_end()) {
    const unsigned step = input.octet() % 4;
    const std::int64_t amount = input.number<std::uint16_t>();
    const bool believed_before = guard.is_believed();
    const std::int64_t believed = guard.record().believed;
    std::int64_t jump = 0;
    if (step == 2)
      jump = amount * 16 - 500'000;
    if (step == 3)
      jump = amount - 32'768;
    // The world never goes on for more than 18 hours without being looked at.
    const std::int64_t passes = step < 2 ? amount : 1;
    now.since_boot += passes;
    now.wall += passes + jump;
    if (step == 1) { // another start; the boot may be another as well
      if (amount % 2 == 0)
        now.since_boot = 10 + amount % 100;
      const ClockRecord record = guard.record();
      const auto kept = ClockRecord::parse(record.format());
      require(kept && kept->believed == record.believed && kept->doubted == record.doubted);
      guard = ClockGuard(now, *kept);
      // Doubt is not lost by starting again, nor does a clock from before become right by it.
      require(!record.doubted || !guard.is_believed());
      require(now.wall >= record.believed || !guard.is_believed());
      require(now.wall - record.believed <= ClockGuard::longest_absence || !guard.is_believed());
      evenly = 0;
    } else {
      const std::string told = guard.observe(now);
      require(told.empty() || guard.is_believed() != believed_before || jump != 0 ||
              !guard.is_believed());
      evenly = jump == 0 ? evenly + passes : 0;
    }
    require(guard.is_believed() == guard.doubt().empty());
    require(guard.record().doubted == !guard.is_believed());
    if (believed_before && !guard.is_believed())
      doubted_at = now.since_boot;
    if (!believed_before && guard.is_believed())
      require(step != 1 && now.since_boot - doubted_at >= ClockGuard::doubt_patience);
    // While it is believed, what it says never goes back by more than it may be off.
    if (believed_before && guard.is_believed()) {
      require(guard.record().believed >= believed);
      require(now.wall >= believed - ClockGuard::longest_jump * 2);
    }
    if (step == 1)
      doubted_at = now.since_boot;
    if (now.wall < 0 || now.wall > 4'000'000'000)
      break;
  }
  return 0;
}
