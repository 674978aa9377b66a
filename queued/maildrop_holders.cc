// Holders and those who wait, by account.
#include "queued/maildrop_holders.h"

#include <utility>

namespace letterlock::queued {

void MaildropHolders::hold(AccountId account, std::function<void()> ask) {
  entries_.insert_or_assign(account, Entry{std::move(ask), {}});
}

bool MaildropHolders::want(AccountId account, std::function<void(bool)> answer) {
  const auto entry = entries_.find(account);
  if (entry == entries_.end() || entry->second.waiting)
    return false;
  entry->second.waiting = std::move(answer);
  const auto ask = entry->second.ask; // the holder may release it in the call
  ask();
  return true;
}

void MaildropHolders::give_up(AccountId account) {
  if (const auto entry = entries_.find(account); entry != entries_.end())
    entry->second.waiting = {};
}

void MaildropHolders::keep(AccountId account) {
  const auto entry = entries_.find(account);
  if (entry == entries_.end())
    return;
  if (const auto waiting = std::exchange(entry->second.waiting, {}))
    waiting(false);
}

void MaildropHolders::release(AccountId account) {
  const auto entry = entries_.extract(account);
  if (entry && entry.mapped().waiting)
    entry.mapped().waiting(true);
}

} // namespace letterlock::queued
