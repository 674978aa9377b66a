// Story: what happened to one store, all of it: the disk at the start, every change to it, every
// question and answer. What the explorer cuts off at each moment.
#pragma once

#include "tests/crash/client.h"
#include "tests/crash/recorder.h"
#include "tests/crash/verdict.h"

namespace letterlock::crash {

struct Story {
  std::string name;
  std::uint64_t seed = 0;
  std::uint64_t life = 1; // which start of the machine
  std::vector<queued::AccountName> accounts{"main", "alice"};
  std::size_t segment_bytes = 64 * 1024, segments = 4; // of the journal
  std::size_t record_bytes = 4 * 1024;                 // messages over this are large
  bool syncs_everything = true;                        // else the system has no such call
  std::chrono::milliseconds checkpoint_interval{30'000};

  Disk start;
  std::vector<Operation> record{};
  Recorder::Remarks remarks{};
  std::vector<Mail> mails{};
  Ledger ledger{};
  std::uint32_t removals = 0; // asked for so far: their transactions are numbered
};

// Of which transactions a store knows.
inline Outcome what_is_known(Client& client, const Story& story) {
  Outcome outcome;
  for (const Mail& mail : story.mails)
    if (client->knows(transaction_of(mail.number)))
      outcome.known.insert(mail.number);
  for (const Removal& removal : story.ledger.removals())
    if (client->knows(removal.transaction))
      outcome.removals_known.insert(removal.transaction);
  return outcome;
}

// LIFE: the store of another start of the machine gets another.
inline MaildirStoreOptions options_of(const Story& story, std::uint64_t life) {
  MaildirStoreOptions options = queued::StoreUnderTest::default_options();
  options.limits.segment_bytes = story.segment_bytes;
  options.limits.segments = story.segments;
  options.limits.record_bytes = story.record_bytes;
  options.life = transaction_of(static_cast<std::uint32_t>(life));
  return options;
}

} // namespace letterlock::crash
