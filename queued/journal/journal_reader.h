// Reads a journal: all its segments, in order, up to the torn tail, around damage.
//
// Changes nothing. Memory: one segment for each of up to four threads, 16 octets for each record,
// and what the visitor keeps. Source: docs/spool.md, "Reading".
#pragma once

#include "queued/disk/file_system.h"
#include "queued/journal/segment.h"
#include "queued/journal/slot_file.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace letterlock::queued::journal {

inline constexpr std::size_t most_seen = 4096; // transactions that are remembered
// Of one slot; what is beyond becomes one with the last.
inline constexpr std::size_t most_damaged_places = 64;

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

// What may never have reached the disk though it can be read: a sync of it may have failed.
struct LastBatch {
  std::uint32_t slot = 0;
  std::uint64_t offset = 0, length = 0; // besides the header of the segment
};

struct Contents {
  std::uint64_t last_generation = 0; // 0: there was no segment
  Sequence last_sequence = 0;        // the highest seen or promised by a header
  // The first that is not there: what has this or a higher one was cut off. 0: as last_generation.
  Sequence end = 0;
  Sequence retired = 0;                // records below it were not visited
  std::optional<LastBatch> last_batch; // of the last segment
  std::vector<Sequence> firsts;        // of the segments, the oldest first
  std::size_t lost_slots = 0;          // damaged as a whole: nothing is written to them
  std::int64_t last_time = 0;          // the latest time that was recorded
  // As of the end of the journal, from all that is in it, retired or not: what a WriterStart needs.
  std::vector<Id128> seen;         // newest last, most_seen at most
  std::vector<Position> positions; // in the order of mailboxes
  std::vector<Damage> damage;
  std::uint64_t cut = 0; // octets of a torn tail that held something; for the log
};

// Called for each record that counts, once, in order of sequence; records that a Void covers are
// left out. The record's views live until the call returns.
using Visit = std::function<void(const Record&, Sequence, const Place&)>;

// DIRECTORY is the open `journal`. A slot that is damaged as a whole is left out. Slots that cannot
// be opened or read are damage. An error: the directory itself cannot be read.
SystemResult<Contents> read_journal(int directory, const Visit& visit);

// The record at PLACE again, from the disk or the page cache. BUFFER holds what its views point
// into. ENOENT: it is not there any more, or damaged; another error: the system cannot tell now.
SystemResult<Record> read_record(int directory, const Place& place, std::string& buffer);

// The same for many: it keeps the slot of the last one open. One thread uses it.
class RecordReader {
public:
  explicit RecordReader(int directory) : directory_(directory) {}
  SystemResult<Record> read(const Place& place, std::string& buffer);

private:
  SystemResult<Record> read_open(const Place& place, std::string& buffer) const;

  int directory_;
  std::uint32_t slot_ = 0;
  SlotFile file_; // of that slot, if it is open
};

} // namespace letterlock::queued::journal
