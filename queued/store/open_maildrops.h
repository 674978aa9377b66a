// OpenMaildrops: whose maildrop is open, by a session or by the sweep of what is too old.
//
// Locks may end on any thread, and after the store.
#pragma once

#include "queued/message_store.h"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace letterlock::queued {

class OpenMaildrops : public std::enable_shared_from_this<OpenMaildrops> {
public:
  // None: another session has it.
  std::optional<MaildropLock> lock_for_session(AccountId account);
  // None: a session has it, or it is swept already.
  std::optional<MaildropLock> lock_for_sweep(AccountId account);
  // Calls THEN at once, or at the end of a sweep, on its thread: nobody is told that a maildrop is
  // in use by its own server.
  void when_swept(AccountId account, std::function<void()> then);
  // The store goes: nobody is to wait.
  void close();

private:
  friend class MaildropLock::Held;
  void end_session(AccountId account);
  void end_sweep(AccountId account);

  std::mutex mutex_; // guards what follows
  std::unordered_set<AccountId> sessions_;
  std::unordered_map<AccountId, std::vector<std::function<void()>>> swept_; // and who waits
  bool closed_ = false;
};

class MaildropLock::Held {
public:
  enum class By : std::uint8_t { session, sweep };
  Held(std::shared_ptr<OpenMaildrops> open, AccountId account, By by)
      : open_(std::move(open)), account_(account), by_(by) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held();
  AccountId account() const { return account_; }

private:
  std::shared_ptr<OpenMaildrops> open_;
  AccountId account_;
  By by_;
};

} // namespace letterlock::queued
