// ScratchPool: files without a name, lent to the processes that receive content.
//
// A file is lent again only to the borrower that had it before, which may have kept a descriptor.
// For one thread; the files themselves may be read by any.
#pragma once

#include "queued/disk/space_ledger.h"
#include "queued/store/store.h"

#include <unordered_map>

namespace letterlock::queued {

// The store's own descriptor of a lent file. Whoever reads it must expect that the borrower writes
// to it at the same time.
using ScratchFile = std::shared_ptr<const UniqueFd>;

class ScratchPool {
public:
  // DIRECTORY (borrowed) is where the files are made. At most LIMIT leases at once.
  ScratchPool(FileSystem& files, int directory, SpaceLedger& ledger, std::size_t limit)
      : files_(files), directory_(directory), ledger_(ledger), limit_(limit) {}

  // As in MessageStore.
  Expected<ScratchLease> lease(Borrower borrower, std::uint64_t bytes);
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

  FileSystem& files_;
  int directory_;
  SpaceLedger& ledger_;
  std::size_t limit_;
  std::size_t leased_ = 0;
  std::uint64_t last_id_ = 0;
  std::unordered_map<Borrower, Account> borrowers_;
};

} // namespace letterlock::queued
