// What records say about transactions and positions.
#include "queued/journal/remembered.h"

#include "queued/journal/record_tags.h"

#include <algorithm>

namespace letterlock::queued::journal {

namespace {

void gather_accept(const Accept& accept, ToRemember& found) {
  // A record that tells again what another one has told is of no transaction.
  if (accept.transaction != Id128{})
    found.transactions.push_back(accept.transaction);
  for (const Copy& copy : accept.copies)
    found.positions.push_back({copy.mailbox, copy.sequence + 1});
}

} // namespace

void ToRemember::gather(const Record& record) {
  if (const auto* accept = std::get_if<Accept>(&record)) {
    gather_accept(*accept, *this);
  } else if (const auto* expunge = std::get_if<Expunge>(&record)) {
    if (expunge->transaction != Id128{})
      transactions.push_back(expunge->transaction);
  } else if (const auto* outcome = std::get_if<Outcome>(&record)) {
    // A DSN is a message of its own.
    const auto dsn =
        outcome->dsn.empty() ? std::nullopt : decode_body(type::accept, as_bytes(outcome->dsn));
    if (dsn && *dsn)
      gather_accept(std::get<Accept>(**dsn), *this);
  } else if (const auto* seen = std::get_if<Seen>(&record)) {
    transactions.insert(transactions.end(), seen->transactions.begin(), seen->transactions.end());
  } else if (const auto* of_all = std::get_if<Positions>(&record)) {
    positions.insert(positions.end(), of_all->mailboxes.begin(), of_all->mailboxes.end());
  }
}

void ToRemember::clear() {
  transactions.clear();
  positions.clear();
}

void Remembered::note(const ToRemember& durable) {
  seen_.insert(seen_.end(), durable.transactions.begin(), durable.transactions.end());
  if (seen_.size() > most_seen)
    seen_.erase(seen_.begin(), seen_.end() - most_seen);
  for (const Position& position : durable.positions) {
    Sequence& next = positions_[position.mailbox];
    next = std::max(next, position.next_sequence); // it never goes back
  }
}

void Remembered::note(const Record& record) {
  if (std::holds_alternative<Seen>(record))
    seen_.clear();
  found_.clear();
  found_.gather(record);
  note(found_);
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
