// Counting maildrops in the background.
#include "queued/store/maildrop_keeper.h"

#include "queued/disk/worker_pool.h"

namespace letterlock::queued {

MaildropKeeper::MaildropKeeper(AccountUsage& usage, const MaildropKeeperOptions& options)
    : usage_(usage), options_(options), thread_(start_thread([this] { run(); })) {}

void MaildropKeeper::look() {
  {
    const std::lock_guard guard(mutex_);
    looked_ = false;
  }
  changed_.notify_one();
}

void MaildropKeeper::stop() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable())
    thread_.join();
}

bool MaildropKeeper::is_stopping() {
  const std::lock_guard guard(mutex_);
  return stopping_;
}

void MaildropKeeper::run() {
  auto next_recount = Clock::now() + options_.recount_period;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, next_recount, [this] { return stopping_ || !looked_; });
      if (stopping_)
        return;
      looked_ = true;
    }
    // One that cannot be read is tried again with the next recount, or by who needs it.
    for (const AccountId account : usage_.uncounted())
      if (!is_stopping())
        usage_.count(account);
    if (Clock::now() < next_recount)
      continue;
    for (const AccountId account : usage_.worth_counting())
      if (!is_stopping())
        usage_.count(account);
    next_recount = Clock::now() + options_.recount_period;
  }
}

} // namespace letterlock::queued
