// CopyJob: one copy of a message that is in the journal and is to come into its maildrop.
#pragma once

#include "common/base/id128.h"
#include "queued/disk/space_ledger.h"
#include "queued/journal/journal_reader.h"

#include <memory>
#include <string>

namespace letterlock::queued {

struct CopyJob {
  journal::Sequence sequence = 0; // of its Accept
  journal::Place place;           // the same
  std::uint32_t mailbox = 0;
  Id128 message;
  std::string name; // of the file to be
  bool large = false;
  // What it is made of, while it is in memory; else it is read from the journal. Large: never.
  std::string head;
  std::shared_ptr<const std::string> content;
  // Room for it, until it is in its place.
  std::shared_ptr<const SpaceLedger::Booking> booking;
};

} // namespace letterlock::queued
