// ScratchPool: files without a name, lent to the processes that receive content.
//
// A file is lent again only to the borrower that had it before, which may have kept a descriptor.
// For one thread; the files themselves may be read by any.
#pragma once

#include "queued/disk/completion_queue.h"
#include "queued/disk/space_ledger.h"
#include "queued/disk/worker_pool.h"
#include "queued/message_store.h"

#include <unordered_map>

namespace letterlock::queued {

// The store's own descriptor of a lent file. Whoever reads it must expect that the borrower writes
// to it at the same time.
using ScratchFile = std::shared_ptr<const UniqueFd>;

// What the pool works with. All of it is borrowed; the threads may end before the pool.
struct ScratchServices {
  FileSystem& files;
  int directory; // where the files are made
  SpaceLedger& ledger;
  WorkerPool& workers; // making, emptying and closing a file waits for the disk
  CompletionQueue& completions;
};

class ScratchPool {
public:
  // At most LIMIT leases at once.
  ScratchPool(const ScratchServices& services, std::size_t limit)
      : services_(services), limit_(limit) {}

  // As in MessageStore.
  void lease(Borrower borrower, ScratchRoom room, std::function<void(Expected<ScratchLease>)> done);
  bool grow(Borrower borrower, ScratchId id, std::uint64_t more);
  void give_back(Borrower borrower, ScratchId id);
  void forget(Borrower borrower);

  // None if BORROWER has no such lease. The file is not lent again while the result lives.
  ScratchFile find(Borrower borrower, ScratchId id) const;

private:
  struct Lease {
    ScratchFile file;
    SpaceLedger::Booking booking;
  };
  struct Account {
    std::unordered_map<ScratchId, Lease> leases;
    std::vector<ScratchFile> idle; // empty files that it may have again
  };

  void lend(Borrower borrower, ScratchFile file, SpaceLedger::Booking booking,
            const std::function<void(Expected<ScratchLease>)>& done);
  void emptied(Borrower borrower, ScratchFile file);
  void let_go(std::vector<ScratchFile> files);

  const ScratchServices services_;
  std::size_t limit_;
  std::size_t leased_ = 0;
  std::uint64_t last_id_ = 0;
  std::unordered_map<Borrower, Account> borrowers_;
};

} // namespace letterlock::queued
