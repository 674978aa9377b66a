// Settlement: what a start finds in the journal for one maildrop, brought into it and out of it
// while the service is at work already.
//
// Source: docs/spool.md, "Recovery".
#pragma once

#include "queued/store/restorer.h"
#include "queued/store/stuck_jobs.h"

#include <functional>
#include <vector>

namespace letterlock::queued {

struct Settlement {
  std::uint32_t mailbox = 0;
  std::vector<RemovalJob> removals; // carried out first; none of them is of COPIES
  std::vector<CopyJob> copies;      // in the order of the journal
};

// What has become of the parts, called for each as it happens.
struct SettlementEvents {
  std::function<void(CopyJob&, Restored)> restored;
  std::function<void(const RemovalJob&)> removed;
  std::function<void(StuckJob, Errno)> failed;
};

// One thread uses it; it waits for the disk.
class Settling {
public:
  explicit Settling(Settlement settlement) : all_(std::move(settlement)) {}

  std::uint32_t mailbox() const { return all_.mailbox; }
  // Carries out some of it. False: it is over.
  bool step(Restorer& restorer, const SettlementEvents& events);
  // Forgets those, and shows each to EACH.
  void drop_copies(const RemovedCopies& removed, const std::function<void(const CopyJob&)>& each);
  // Adds what a session that begins now has to know: copies that may not be in their place yet, or
  // not whole, and what is to go. Others may have renamed files, so that the session cannot know
  // them for copies: these are settled first.
  void prepare_session(Restorer& restorer, const SettlementEvents& events, Unsettled& unsettled);

private:
  void begin(Restorer& restorer, const SettlementEvents& events);
  void find(Restorer& restorer, const SettlementEvents& events);
  void restore(Restorer& restorer, const SettlementEvents& events, CopyJob& copy) const;
  bool any_file(const CopyJob& copy, const std::function<bool(const CopyFile&)>& is) const;

  Settlement all_; // copies: what is left, from next_ on
  bool begun_ = false;
  std::size_t next_ = 0;
  FoundCopies found_;
};

} // namespace letterlock::queued
