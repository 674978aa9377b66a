// The outcome of removals.
#include "queued/expunge_ledger.h"

namespace letterlock::queued {

void ExpungeLedger::begin(const Id128& transaction) {
  entries_.try_emplace(transaction);
}

void ExpungeLedger::finish(const Id128& transaction, bool durable) {
  const auto entry = entries_.find(transaction);
  if (entry == entries_.end() || entry->second.durable)
    return;
  entry->second.durable = durable;
  const auto waiting = std::exchange(entry->second.waiting, {});
  finished_.push_back(transaction);
  if (finished_.size() > most) {
    entries_.erase(finished_.front());
    finished_.pop_front();
  }
  for (const Answer& answer : waiting)
    answer(durable);
}

void ExpungeLedger::ask(const Id128& transaction, Answer answer) {
  const auto entry = entries_.find(transaction);
  if (entry == entries_.end())
    return answer(false);
  if (entry->second.durable)
    return answer(*entry->second.durable);
  if (entry->second.waiting.size() == most_waiting)
    return answer(false);
  entry->second.waiting.push_back(std::move(answer));
}

} // namespace letterlock::queued
