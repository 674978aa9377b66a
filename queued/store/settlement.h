// Settlement: what a start finds in the journal for one maildrop, brought into it and out of it
// while the service is at work already.
//
// Source: docs/spool.md, "Settling a maildrop".
#pragma once

#include "queued/store/restorer.h"
#include "queued/store/stuck_jobs.h"

#include <functional>
#include <optional>
#include <vector>

namespace letterlock::queued {

struct Settlement {
  std::uint32_t mailbox = 0;
  std::vector<RemovalJob> removals; // carried out before COPIES; none of them is of those
  std::vector<CopyJob> copies;      // in the order of the journal
};

// What has become of the parts, called for each as it happens.
struct SettlementEvents {
  // It is nowhere, and will come: it takes room from now on. May be none.
  std::function<void(CopyJob&)> coming;
  std::function<void(CopyJob&, Restored)> restored; // never `moved`
  std::function<void(const RemovalJob&)> removed;
  std::function<void(StuckJob, Errno)> failed;
};

// Whether a session that begins now is to see a copy that may not be in its place, or not whole;
// else it is where sessions do not look, or another program has removed it.
bool is_shown(const CopyJob& copy, const FoundCopies& found);

// One thread uses it; it waits for the disk.
class Settling {
public:
  explicit Settling(Settlement settlement) : all_(std::move(settlement)) {}

  std::uint32_t mailbox() const { return all_.mailbox; }
  // Whether its maildrop has been listed, as far as there is need.
  bool was_listed() const { return was_listed_ || all_.copies.empty(); }
  // Carries out some of it, or lists the maildrop. False: it is over.
  bool step(Restorer& restorer, const SettlementEvents& events);
  // Those are not to come into new and cur any more.
  void expunge(const RemovedCopies& removed);
  // Lists the maildrop, since others may have been there, and adds what a session that begins now
  // has to know: copies that may not be in their place yet, or not whole, and what is to go.
  SystemResult<void> add_to(Unsettled& unsettled, Restorer& restorer,
                            const SettlementEvents& events);

private:
  bool is_over() const {
    return all_.removals.empty() && next_ == all_.copies.size() && moved_.empty();
  }
  template <class Each> void each_left(Each each);
  SystemResult<void> find(Restorer& restorer, const SettlementEvents& events);
  void remove_some(Restorer& restorer, const SettlementEvents& events);
  void restore_some(Restorer& restorer, const SettlementEvents& events);
  void begin_round();
  void give_up(Errno error, const SettlementEvents& events);

  Settlement all_; // copies: from next_ on what is left of this round
  std::size_t next_ = 0;
  // What others moved before its turn: for the next round, which looks where all of them are.
  std::vector<CopyJob> moved_;
  int round_ = 0;
  bool was_listed_ = false, is_found_ = false; // ever, for this round
  FoundCopies found_;
  std::optional<std::vector<SeenFile>> to_remove_; // of the last of the removals, once located
};

} // namespace letterlock::queued
