// Remembered: what each segment has to begin with: the last transactions, and the next sequence
// number of each mailbox.
//
// The writer keeps it for the next segment, the reader finds it out again. Pure.
#pragma once

#include "queued/journal/journal_reader.h"

#include <deque>
#include <map>

namespace letterlock::queued::journal {

class Remembered {
public:
  // A record that is durable.
  void note(const Record& record);
  void note_transaction(const Id128& transaction);
  void note_position(const Position& position); // never goes back

  // The newest MOST transactions.
  Seen seen(std::size_t most) const;
  Positions positions() const;

private:
  void note_accept(const Accept& accept);

  std::deque<Id128> seen_;
  std::map<std::uint32_t, Sequence> positions_;
};

} // namespace letterlock::queued::journal
