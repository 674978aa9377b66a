// BatchCommitter: makes many deliveries durable at once, in the order of docs/spool.md,
// "Committing". Waits for the disk; no threads, no queue of its own.
#pragma once

#include "queued/disk/directory.h"
#include "queued/disk/space_ledger.h"
#include "queued/maildir/maildir_name.h"
#include "queued/store/scratch_pool.h"
#include "queued/store/store.h"

#include <map>
#include <span>

namespace letterlock::queued {

// A delivery that is consistent in itself (check_delivery), and the file its content is in: none if
// it is inline, or if the scratch file of a repeat is gone.
struct PendingDelivery {
  Delivery delivery;
  ScratchFile scratch;
};

// What contradicts the limits or itself, before its content is looked at; empty: nothing.
std::string check_delivery(const Delivery& delivery, const StoreLimits& limits);

// Octets of memory and disk that it accounts for in the backlog.
std::uint64_t backlog_bytes(const Delivery& delivery);

class BatchCommitter {
public:
  // FILES and LEDGER outlive it; ROOT is borrowed.
  BatchCommitter(FileSystem& files, int root, SpaceLedger& ledger, std::string_view server_name);

  // One result for each, in their order; never busy.
  std::vector<CommitResult> commit(std::span<const PendingDelivery> batch);

private:
  struct Maildir;
  struct CopyState;
  struct Work;
  using Maildirs = std::map<AccountId, Maildir>;

  bool open_maildirs(Work& work, Maildirs& maildirs);
  void find_earlier_copies(Work& work);
  void write_copies(Work& work);
  bool write_copy(Work& work, CopyState& copy);
  void sync_files(std::vector<Work>& works);
  void link_copies(Work& work);
  void sync_directories(std::vector<Work>& works, Maildirs& maildirs);
  void fail(Work& work, Errno error, std::string_view doing);
  void refuse(Work& work, CommitStatus status, std::string text);
  void undo(Work& work);

  FileSystem& files_;
  int root_;
  SpaceLedger& ledger_;
  MaildirHost host_;
  std::vector<std::byte> buffer_; // content is copied in here before anything is checked
};

} // namespace letterlock::queued
