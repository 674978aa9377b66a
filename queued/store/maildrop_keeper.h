// MaildropKeeper: the thread that does for maildrops what nobody waits for: it counts what those
// with a quota hold, one after the other, and counts again where room matters to somebody.
//
// Source: docs/spool.md, "Room".
#pragma once

#include "queued/store/account_usage.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace letterlock::queued {

struct MaildropKeeperOptions {
  // Other programs make room without telling: how often a maildrop that has little is counted.
  std::chrono::milliseconds recount_period{5 * 60 * 1000};
};

class MaildropKeeper {
public:
  // USAGE outlives the keeper.
  MaildropKeeper(AccountUsage& usage, const MaildropKeeperOptions& options);
  ~MaildropKeeper() { stop(); }
  MaildropKeeper(const MaildropKeeper&) = delete;
  MaildropKeeper& operator=(const MaildropKeeper&) = delete;

  // Quotas have changed. From any thread; does not wait.
  void look();
  // Waits for the maildrop that it is at, and no longer. Twice is no more than once.
  void stop();

private:
  using Clock = std::chrono::steady_clock;
  void run();
  bool is_stopping();

  AccountUsage& usage_;
  const MaildropKeeperOptions options_;

  std::mutex mutex_; // guards what follows
  std::condition_variable changed_;
  bool looked_ = true;
  bool stopping_ = false;

  std::thread thread_; // last: it uses all of the above
};

} // namespace letterlock::queued
