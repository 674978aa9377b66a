// Sessions and sweeps, one at a time for each maildrop.
#include "queued/store/open_maildrops.h"

#include <utility>

namespace letterlock::queued {

MaildropLock::Held::~Held() {
  by_ == By::sweep ? open_->end_sweep(account_) : open_->end_session(account_);
}

std::optional<MaildropLock> OpenMaildrops::lock_for_session(AccountId account) {
  {
    const std::lock_guard guard(mutex_);
    if (!sessions_.insert(account).second)
      return std::nullopt;
  }
  return MaildropLock(std::make_shared<const MaildropLock::Held>(shared_from_this(), account,
                                                                 MaildropLock::Held::By::session));
}

std::optional<MaildropLock> OpenMaildrops::lock_for_sweep(AccountId account) {
  {
    const std::lock_guard guard(mutex_);
    if (sessions_.contains(account) || !swept_.try_emplace(account).second)
      return std::nullopt;
  }
  return MaildropLock(std::make_shared<const MaildropLock::Held>(shared_from_this(), account,
                                                                 MaildropLock::Held::By::sweep));
}

void OpenMaildrops::when_swept(AccountId account, std::function<void()> then) {
  {
    const std::lock_guard guard(mutex_);
    if (const auto sweep = swept_.find(account); sweep != swept_.end()) {
      sweep->second.push_back(std::move(then));
      return;
    }
  }
  then();
}

void OpenMaildrops::end_session(AccountId account) {
  const std::lock_guard guard(mutex_);
  sessions_.erase(account);
}

void OpenMaildrops::end_sweep(AccountId account) {
  std::vector<std::function<void()>> waiting;
  {
    const std::lock_guard guard(mutex_);
    if (auto sweep = swept_.extract(account); sweep && !closed_)
      waiting = std::move(sweep.mapped());
  }
  for (const auto& session : waiting)
    session();
}

void OpenMaildrops::close() {
  std::unordered_map<AccountId, std::vector<std::function<void()>>> dropped; // they own locks
  const std::lock_guard guard(mutex_);
  closed_ = true;
  dropped.swap(swept_);
}

} // namespace letterlock::queued
