// Story: what happened to one store, all of it: the disk at the start, every change to it, every
// question and answer. What the explorer cuts off at each moment.
#pragma once

#include "tests/crash/client.h"
#include "tests/crash/recorder.h"
#include "tests/crash/verdict.h"

namespace letterlock::crash {

// What the store of this tree promises by now.
inline constexpr Promises promises_kept{false, false, false, false};

struct Story {
  std::string name;
  std::uint64_t seed = 0;
  std::uint64_t life = 1; // which start of the machine
  std::vector<queued::AccountName> accounts{"main", "alice"};
  queued::StoreLimits limits{};

  Disk start;
  std::vector<Operation> record{};
  std::vector<Mail> mails{};
  Ledger ledger{promises_kept};
};

// LIFE: the store of another start of the machine gets another.
inline MaildirStoreOptions options_of(const Story& story, std::uint64_t life) {
  MaildirStoreOptions options = queued::StoreUnderTest::default_options();
  options.limits = story.limits;
  static_cast<void>(life);
  return options;
}

} // namespace letterlock::crash
