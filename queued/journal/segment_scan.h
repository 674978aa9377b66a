// Goes over a segment once: which records are in it, where they do not follow each other, and what
// of it counts. Pure.
//
// Source: docs/spool.md, "Reading".
#pragma once

#include "queued/journal/segment.h"

#include <vector>

namespace letterlock::queued::journal {

// A good record; its body may still not decode.
struct FoundRecord {
  Sequence sequence = 0;
  std::uint32_t place = 0;   // its offset, divided by the alignment of records
  std::uint16_t segment = 0; // of the caller
  static constexpr std::size_t alignment = 8;
  std::size_t offset() const { return std::size_t{place} * alignment; }
};

struct FoundVoid {
  Void range;
  std::size_t record = 0; // its place among the records found
};
struct FoundRetire {
  Retire retire;
  std::size_t record = 0;
};

// Records that follow each other. A Void of everything from the sequence that is due to its own
// stands for that.
struct Run {
  Sequence first = 0, next = 0;
  Sequence newest_batch = 0;
  std::size_t begin = 0, end = 0; // octets
  std::size_t records = 0;        // how many were found before it
};

// Octets where records should be.
struct Gap {
  std::size_t begin = 0, end = 0;
  Sequence first = 0, next = 0; // records FIRST to before NEXT
};

struct SegmentScan {
  std::vector<FoundRecord> records;
  std::vector<Run> runs;
  std::vector<Gap> gaps;
  std::vector<FoundVoid> voids;
  std::vector<FoundRetire> retires;
  Sequence highest = 0;  // of all that was seen, also of what was cut
  std::uint64_t cut = 0; // octets of a torn tail
};

// BYTES are the whole segment. PROMISED: each lower sequence is durable in this or an earlier
// segment, as a later one says; 0 for the last. SEGMENT is put into the records.
SegmentScan scan_segment(Bytes bytes, const SegmentHeader& header, Sequence promised,
                         std::uint16_t segment);

} // namespace letterlock::queued::journal
