// What records say about transactions and positions.
#include "queued/journal/remembered.h"

#include "queued/journal/record_tags.h"

#include <algorithm>

namespace letterlock::queued::journal {

void Remembered::note_transaction(const Id128& transaction) {
  seen_.push_back(transaction);
  if (seen_.size() > most_seen)
    seen_.pop_front();
}

void Remembered::note_position(const Position& position) {
  Sequence& next = positions_[position.mailbox];
  next = std::max(next, position.next_sequence);
}

void Remembered::note_accept(const Accept& accept) {
  note_transaction(accept.transaction);
  for (const Copy& copy : accept.copies)
    note_position({copy.mailbox, copy.sequence + 1});
}

void Remembered::note(const Record& record) {
  if (const auto* accept = std::get_if<Accept>(&record)) {
    note_accept(*accept);
  } else if (const auto* expunge = std::get_if<Expunge>(&record)) {
    note_transaction(expunge->transaction);
  } else if (const auto* outcome = std::get_if<Outcome>(&record)) {
    // A DSN is a message of its own.
    const auto dsn =
        outcome->dsn.empty() ? std::nullopt : decode_body(type::accept, as_bytes(outcome->dsn));
    if (dsn && *dsn)
      note_accept(std::get<Accept>(**dsn));
  } else if (const auto* seen = std::get_if<Seen>(&record)) {
    // All that came before, and more than this journal still has.
    seen_.clear();
    for (const Id128& transaction : seen->transactions)
      note_transaction(transaction);
  } else if (const auto* positions = std::get_if<Positions>(&record)) {
    for (const Position& position : positions->mailboxes)
      note_position(position);
  }
}

Seen Remembered::seen(std::size_t most) const {
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, seen_.size()));
  return Seen{{seen_.end() - count, seen_.end()}};
}

Positions Remembered::positions() const {
  Positions positions;
  for (const auto& [mailbox, next] : positions_)
    positions.mailboxes.push_back({mailbox, next});
  return positions;
}

} // namespace letterlock::queued::journal
