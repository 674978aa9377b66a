// FoundRecordReader: reads the records that a scan has found once more, in the order that they are
// listed in, a window of a segment at a time.
//
// While the caller looks at the records of one window a thread of its own reads and checks the next
// one, if there are many. Memory: two windows, or what the longest record takes. One thread uses
// it. Source: docs/spool.md, "Reading".
#pragma once

#include "queued/journal/segment_scan.h"

#include <array>
#include <functional>
#include <optional>
#include <vector>

namespace letterlock::queued::journal {

class FoundRecordReader {
public:
  struct Segment {
    int file = -1; // open until the last record was read
    std::uint64_t size = 0;
    std::uint64_t generation = 0;
  };
  // None: it is not there any more as it was. The views live until the call returns.
  using Look = std::function<void(const FoundRecord&, const std::optional<Frame>&)>;

  // RECORDS name SEGMENTS by their places in it; both live longer than this.
  FoundRecordReader(const std::vector<Segment>& segments, const std::vector<FoundRecord>& records)
      : segments_(segments), records_(records) {}

  // Each record, once.
  void read_all(const Look& look);

private:
  struct Window {
    std::size_t begin = 0; // the first of its records
    std::vector<std::byte> bytes;
    std::vector<std::optional<Frame>> frames; // of records from BEGIN on
    std::size_t end() const { return begin + frames.size(); }
  };
  void fill(Window& window, std::size_t begin) const;

  const std::vector<Segment>& segments_;
  const std::vector<FoundRecord>& records_;
  std::array<Window, 2> windows_;
};

} // namespace letterlock::queued::journal
