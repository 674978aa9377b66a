// UnsettledCopies: messages that a maildrop does not take now, for the sessions that read them all
// the same. Callable from any thread.
//
// Source: docs/spool.md, "A maildrop among other programs".
#pragma once

#include "queued/maildir/maildrop_index.h"
#include "queued/message_store.h"
#include "queued/store/stuck_jobs.h"

#include <map>
#include <mutex>
#include <unordered_map>

namespace letterlock::queued {

class UnsettledCopies {
public:
  // JOURNAL and LARGE (borrowed) are the open directories.
  UnsettledCopies(int journal, int large) : journal_(journal), large_(large) {}

  // What a session of ACCOUNT that begins now is to see besides the files, and in their place.
  std::vector<PendingMessage> set(AccountId account, Unsettled unsettled);
  // One of them, out of the journal; waits for the disk. Gone: it has come to its place meanwhile.
  ReadResult<OpenedMessage> open(AccountId account, const Id128& message);

private:
  const int journal_, large_;
  std::mutex mutex_; // guards copies_
  std::map<AccountId, std::unordered_map<Id128, CopyJob, Id128Hash>> copies_;
};

} // namespace letterlock::queued
