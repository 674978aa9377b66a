// Recovery: finds out what the journal promises, after any end of the queued before, and has it
// settled: later, while the service is at work, or at once if the journal has no room for that.
//
// No octet of the journal becomes another one, so it can be cut off anywhere and begun again.
// Before the store's threads; waits for the disk. Source: docs/spool.md, "Recovery".
#pragma once

#include "queued/journal/journal_writer.h"
#include "queued/maildir/maildir_name.h"
#include "queued/message_store.h"
#include "queued/store/large_files.h"
#include "queued/store/queue_keeper.h"
#include "queued/store/settlement.h"
#include "queued/store/state_directory.h"

#include <optional>
#include <vector>

namespace letterlock::queued {

struct RecoveryPlaces {
  FileSystem& files;
  StateDirectory& state;
  LargeFiles& large;
  const MaildirHost& host;
  QueueKeeper& queue;
  std::optional<Id128> life; // of the page cache now; none: not known
};

struct Recovered {
  journal::WriterStart start;          // for the writer; `retired` tells what need not be kept
  std::int64_t last_time = 0;          // the latest that the journal told, in seconds since 1970
  std::vector<Settlement> settlements; // what is left to do, maildrop by maildrop
  std::vector<StoreReport> reports;
};

Expected<Recovered> recover(const RecoveryPlaces& places, const StoreLimits& limits);

} // namespace letterlock::queued
