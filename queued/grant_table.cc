// Grants that wait to be used.
#include "queued/grant_table.h"

namespace letterlock::queued {

void GrantTable::add(const Id128& grant, std::uint32_t account, std::uint16_t instance, Time now) {
  while (!oldest_first_.empty()) {
    const auto oldest = entries_.find(oldest_first_.front());
    const bool stays =
        oldest != entries_.end() && now < oldest->second.until && oldest_first_.size() < most;
    if (stays)
      break;
    if (oldest != entries_.end())
      entries_.erase(oldest);
    oldest_first_.pop_front();
  }
  entries_.insert_or_assign(grant, Entry{account, instance, now + lifetime});
  oldest_first_.push_back(grant);
}

std::optional<std::uint32_t> GrantTable::take(const Id128& grant, std::uint16_t instance,
                                              Time now) {
  const auto found = entries_.find(grant);
  if (found == entries_.end() || found->second.instance != instance || now >= found->second.until)
    return std::nullopt;
  const std::uint32_t account = found->second.account;
  entries_.erase(found);
  return account;
}

} // namespace letterlock::queued
