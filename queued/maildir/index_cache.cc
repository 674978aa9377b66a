// Indices of maildrops, least lately used first out.
#include "queued/maildir/index_cache.h"

#include <algorithm>
#include <iterator>

namespace letterlock::queued {

// An index without messages is not for nothing.
std::size_t MaildropIndexCache::weight(const CachedIndex& cached) {
  constexpr std::size_t empty = 8;
  return std::max(cached.index->size(), empty);
}

void MaildropIndexCache::drop(std::list<Kept>::iterator kept) {
  messages_ -= weight(kept->second);
  by_account_.erase(kept->first);
  kept_.erase(kept);
}

std::optional<CachedIndex> MaildropIndexCache::find(AccountId account) {
  const std::lock_guard guard(mutex_);
  const auto found = by_account_.find(account);
  if (found == by_account_.end())
    return std::nullopt;
  kept_.splice(kept_.begin(), kept_, found->second);
  return found->second->second;
}

void MaildropIndexCache::keep(AccountId account, CachedIndex cached) {
  const std::lock_guard guard(mutex_);
  if (const auto earlier = by_account_.find(account); earlier != by_account_.end())
    drop(earlier->second);
  const std::size_t added = weight(cached);
  if (added > most_)
    return;
  while (messages_ > most_ - added)
    drop(std::prev(kept_.end()));
  messages_ += added;
  kept_.emplace_front(account, std::move(cached));
  by_account_[account] = kept_.begin();
}

void MaildropIndexCache::distrust(AccountId account) {
  const std::lock_guard guard(mutex_);
  if (const auto found = by_account_.find(account); found != by_account_.end())
    found->second->second.times.reset();
}

} // namespace letterlock::queued
