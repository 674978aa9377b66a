// FoundRecordReader: reads the records that a scan has found once more, in the order that they are
// listed in, a window of a segment at a time.
//
// While the caller looks at the records of one window a thread of its own reads and checks the next
// one, if windows are large. They grow as far as they are of use: where records of segments take
// turns, only a little is read for each. Memory: two windows and what the longest record takes, and
// 64 octets for each record in them. One thread uses it. Source: docs/spool.md, "Reading".
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
      : segments_(segments), records_(records) {
    resize(0);
  }

  // Each record, once.
  void read_all(const Look& look);

private:
  struct Window {
    std::size_t begin = 0; // the first of its records
    std::vector<std::byte> bytes;
    std::vector<std::optional<Frame>> frames; // of records from BEGIN on
    std::size_t end() const { return begin + frames.size(); }
  };
  void fill(Window& window, std::size_t begin);
  void resize(std::uint64_t used);

  const std::vector<Segment>& segments_;
  const std::vector<FoundRecord>& records_;
  std::array<Window, 2> windows_;
  std::uint64_t size_ = 0; // of the next window
};

} // namespace letterlock::queued::journal
