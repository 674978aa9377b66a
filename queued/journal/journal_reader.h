// Reads a journal: all its segments, in order, up to the torn tail, around damage.
//
// Changes nothing. Memory: one segment at a time, and what the visitor keeps. Source:
// docs/spool.md, "Reading".
#pragma once

#include "queued/disk/file_system.h"
#include "queued/journal/segment.h"

#include <functional>
#include <string>
#include <vector>

namespace letterlock::queued::journal {

// Where a record is, to read it again: only while its slot is not used anew.
struct Place {
  std::uint32_t slot = 0;
  std::uint64_t generation = 0;
  std::uint64_t offset = 0; // of its frame
  std::uint32_t length = 0; // of its frame, body and padding
};

// Bytes that are no records though they should be, or a whole slot.
struct Damage {
  std::uint32_t slot = 0;
  std::uint64_t offset = 0, length = 0; // length 0: all of the slot
  std::string why;                      // for the log
};

struct Contents {
  std::uint64_t last_generation = 0; // 0: there was no segment
  Sequence last_sequence = 0;        // the highest seen or promised by a header
  Sequence retired = 0;              // records below it were not visited
  Id128 last_life;                   // of the last segment's header
  std::int64_t last_time = 0;        // the latest time that was recorded
  std::vector<Damage> damage;
  std::uint64_t cut = 0; // octets of a torn tail that held something; for the log
};

// Called for each record that counts, in order of sequence; records that a Void covers are left
// out (a Void is always visited before the records behind it, and the reader looks ahead for it).
// The record's views live until the call returns.
using Visit = std::function<void(const Record&, Sequence, const Place&)>;

// DIRECTORY is the open `journal`. Slots that cannot be opened or read are damage. An error: the
// directory itself cannot be read.
SystemResult<Contents> read_journal(int directory, const Visit& visit);

// The record at PLACE again, from the disk or the page cache. BUFFER holds what its views point
// into. ENOENT: it is not there any more, or damaged.
SystemResult<Record> read_record(int directory, const Place& place, std::string& buffer);

} // namespace letterlock::queued::journal
