// Remembered: what each segment has to begin with: the last transactions, and the next sequence
// number of each mailbox.
//
// The writer keeps it for the next segment, the reader finds it out again. Pure.
#pragma once

#include "queued/journal/journal_reader.h"

#include <deque>
#include <map>

namespace letterlock::queued::journal {

// What there is to remember of records, once they are durable.
struct ToRemember {
  std::vector<Id128> transactions;
  std::vector<Position> positions;

  void gather(const Record& record);
  void clear();
};

class Remembered {
public:
  void note(const ToRemember& durable);
  // A record that was read; a Seen says all that came before it.
  void note(const Record& record);

  std::size_t transactions() const { return seen_.size(); }
  std::size_t mailboxes() const { return positions_.size(); }

  // The newest MOST transactions.
  Seen seen(std::size_t most) const;
  Positions positions() const;

private:
  ToRemember found_; // of the record at hand
  std::deque<Id128> seen_;
  std::map<std::uint32_t, Sequence> positions_;
};

} // namespace letterlock::queued::journal
