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

// How a session that begins now is to see a copy that may not be in its place, or not whole. Others
// may have renamed its file, so that the session cannot know it for the copy.
enum class SessionView : std::uint8_t {
  pending,       // a message, read from the journal
  hidden,        // where sessions do not look, or removed by another program
  settled_first, // then it is a file like others
};
SessionView view_of(const CopyJob& copy, const FoundCopies& found);
// What a listing has found and is not there later another program has removed.
void note_found(CopyJob& copy, const FoundCopies& found);

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
  // not whole, and what is to go. False: it has settled some of those that come first, and is to be
  // called again, when others had their turn; an error: the maildrop cannot be listed. Nothing was
  // added then.
  SystemResult<bool> prepare_session(Restorer& restorer, const SettlementEvents& events,
                                     Unsettled& unsettled);

private:
  void remove_one(Restorer& restorer, const SettlementEvents& events);
  SystemResult<void> find(Restorer& restorer);
  void restore(Restorer& restorer, const SettlementEvents& events, CopyJob& copy) const;

  Settlement all_;      // copies: what is left, from next_ on
  bool listed_ = false; // at least once
  std::size_t next_ = 0;
  FoundCopies found_;
};

} // namespace letterlock::queued
