// Recovery: makes the maildrops hold what the journal promises, after any end of the queued before.
//
// It changes nothing in the journal, so it can be cut off anywhere and begun again. Before the
// store's threads; waits for the disk. Source: docs/spool.md, "Recovery".
#pragma once

#include "queued/journal/journal_writer.h"
#include "queued/maildir/maildir_name.h"
#include "queued/message_store.h"
#include "queued/store/large_files.h"
#include "queued/store/queue_keeper.h"
#include "queued/store/state_directory.h"
#include "queued/store/stuck_jobs.h"

#include <optional>
#include <vector>

namespace letterlock::queued {

struct RecoveryPlaces {
  FileSystem& files;
  StateDirectory& state;
  LargeFiles& large;
  const MaildirHost& host;
  QueueKeeper& queue;
  std::optional<Id128> life; // of the page cache now; none: trust no unsynced file
};

struct Recovered {
  journal::WriterStart start; // for the writer; `retired` tells what need not be kept
  std::int64_t last_time = 0; // the latest that the journal told, in seconds since 1970
  // What a maildrop does not take, or give, now.
  Unsettled unsettled;
  std::vector<StoreReport> reports;
};

Expected<Recovered> recover(const RecoveryPlaces& places, const StoreLimits& limits);

} // namespace letterlock::queued
