// MaildropKeeper: the thread that does for maildrops what nobody waits for: it counts what those
// with a quota hold, counts again where room matters to somebody, and has what is too old removed
// while the clock is believed. One maildrop after the other.
//
// Source: docs/spool.md, "Room", "Retention" and "Clocks".
#pragma once

#include "queued/store/account_usage.h"
#include "queued/store/clock_guard.h"
#include "queued/store/reporter.h"

#include <chrono>
#include <condition_variable>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace letterlock::queued {

ClockReading read_clocks();

struct MaildropKeeperOptions {
  // Other programs make room without telling: how often a maildrop that has little is counted.
  std::chrono::milliseconds recount_period{5 * 60 * 1000};
  std::chrono::milliseconds sweep_period{60 * 60 * 1000};
  // After which one that a session had open, or that failed, is tried again.
  std::chrono::milliseconds busy_period{60 * 1000};
  std::function<ClockReading()> clocks = read_clocks;
};

enum class SweepEnd : std::uint8_t {
  done, // nothing in it is too old any more
  busy, // a session has it open
};
using SweepResult = std::expected<SweepEnd, std::string>; // or why it failed

// What the keeper works with. All of it outlives the keeper.
struct MaildropKeeperParts {
  AccountUsage& usage;
  Reporter& reporter;
  // Removes what is older than KEEP seconds at NOW from the account's maildrop, and calls DONE from
  // any thread; or drops it when the store goes.
  std::function<void(AccountId, std::int64_t now, std::uint64_t keep,
                     std::function<void(SweepResult)> done)>
      sweep;
  // Makes it last. Waits for the disk.
  std::function<Expected<void>(const ClockRecord&)> keep_clock;
};

class MaildropKeeper {
public:
  // BEFORE is what keep_clock was given last, in an earlier start.
  MaildropKeeper(MaildropKeeperParts parts, const MaildropKeeperOptions& options,
                 const std::optional<ClockRecord>& before);
  ~MaildropKeeper() { stop(); }
  MaildropKeeper(const MaildropKeeper&) = delete;
  MaildropKeeper& operator=(const MaildropKeeper&) = delete;

  // From now on; USAGE knows of the quotas already. Counts and sweeps at once. From any thread;
  // does not wait.
  void set_rules(const std::vector<AccountRules>& rules);
  // Waits for the maildrop that it counts, for no sweep. Twice is no more than once.
  void stop();

private:
  using Clock = std::chrono::steady_clock;
  struct Rule {
    AccountId account{};
    std::uint64_t retention = 0; // seconds
  };
  struct Shared;

  void run();
  bool is_wanted_elsewhere() const;
  void count(const std::vector<AccountId>& accounts);
  bool observe_clock();
  void keep_clock();
  void sweep(const std::vector<Rule>& due);

  const MaildropKeeperParts parts_;
  const MaildropKeeperOptions options_;
  const std::shared_ptr<Shared> shared_;

  // The thread's.
  ClockReading now_;
  ClockGuard guard_;
  bool told_doubt_ = false, told_unkept_ = false;
  std::vector<Rule> rules_;     // those with a retention
  std::vector<Rule> again_;     // whose maildrops were busy, or failed
  std::set<AccountId> failing_; // of which that was said: once, until it works again

  std::thread thread_; // last: it uses all of the above
};

} // namespace letterlock::queued
