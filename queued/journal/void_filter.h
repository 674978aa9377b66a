// Which records count: neither void nor found twice. Pure.
#pragma once

#include "queued/journal/segment_scan.h"

namespace letterlock::queued::journal {

struct VoidRange {
  Void range;
  std::uint16_t segment = 0; // the later the segment, the higher
};

// RECORDS of all segments, numbered by generation, become those that count, by sequence. A Void
// covers records of earlier segments only; of a record that was written again, the newest counts.
void keep_what_counts(std::vector<FoundRecord>& records, std::vector<VoidRange> voids);

// Sequences that are accounted for, to ask about gaps.
class Coverage {
public:
  // FIRST to before NEXT.
  void add(Sequence first, Sequence next);
  // After all were added, before the first question.
  void close();
  bool covers(Sequence first, Sequence next) const;

private:
  std::vector<std::pair<Sequence, Sequence>> ranges_; // after close(): apart and ascending
};

} // namespace letterlock::queued::journal
