// CopyJob: one copy of a message that is in the journal and is to come into its maildrop.
// RemovalJob: files that are to go from one, by a record of the journal.
// RemovedCopies: which copies these are.
#pragma once

#include "common/base/id128.h"
#include "queued/disk/space_ledger.h"
#include "queued/journal/journal_reader.h"
#include "queued/maildir/maildir_name.h"
#include "queued/maildir/maildir_writer.h"
#include "queued/store/account_usage.h"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace letterlock::queued {

// What a record holds is not longer, in octets.
inline constexpr std::uint64_t largest_set_down = 1u << 20;

struct CopyJob {
  journal::Sequence sequence = 0; // of its Accept
  journal::Place place;           // the same
  std::uint32_t mailbox = 0;
  Id128 message;
  std::int64_t received = 0;                    // seconds since 1970
  std::uint64_t stored_size = 0, wire_size = 0; // of the file to be
  bool large = false;
  // Its file in `large` was made of its record later, because it was stuck: what its maildrop has
  // may be another file, and not a synced one.
  bool set_down = false;
  bool looked_for = false; // it may be there, wherever, and not whole: a start has left it
  bool was_there = false;  // in its place: if it is not any more, another program has removed it
  // It is expunged, which is about new and cur: where it was looked for, what others have put into
  // sub-folders is to be whole all the same.
  bool is_expunged = false;
  std::uint64_t stuck = 0; // names it among what is stuck
  // What it is made of, while it is in memory; else it is read from the journal. Large: never.
  std::string head;
  std::shared_ptr<const std::string> content;
  // Room for it, until it is in its place.
  std::shared_ptr<const SpaceLedger::Booking> booking;
  std::shared_ptr<AccountUsage::Claim> claim; // of its account's quota, as long; or none

  std::string name(const MaildirHost& host) const; // of the file to be
};

struct RemovalJob {
  journal::Sequence sequence = 0; // of its Expunge
  std::uint32_t mailbox = 0;
  std::vector<SeenFile> files;
  std::vector<Id128> messages; // of those that are ours
  bool looked_for = false;     // by these ids too: recovery left it, and does not know the names
  bool begun = false;          // the copies that it removes know of it
  std::uint64_t stuck = 0;     // names it among what is stuck
  // While it is under way: those of FILES that were not where they had been seen, and how often
  // such were looked for.
  std::vector<SeenFile> elsewhere;
  int looks = 0;
};

// Views of BY, which lives longer.
class RemovedCopies {
public:
  RemovedCopies(const RemovalJob& by, const MaildirHost& host);
  bool contain(const CopyJob& copy) const;

private:
  const std::uint32_t mailbox_;
  const MaildirHost& host_;
  const std::unordered_set<Id128, Id128Hash> messages_;
  std::unordered_multimap<Id128, std::string_view, Id128Hash> bases_;
};

} // namespace letterlock::queued
