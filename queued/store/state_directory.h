// StateDirectory: the layout below queued's root: locked, made, swept and kept (docs/spool.md,
// "Layout" and "Start").
#pragma once

#include "queued/disk/file_system.h"
#include "queued/store/account_table.h"

#include <chrono>
#include <mutex>

namespace letterlock::queued {

struct StateOptions {
  std::int64_t now = 0;       // seconds since 1970, to know old files in tmp/ by
  std::optional<gid_t> group; // of maildrops/ and below; none: leave it as it comes
  std::chrono::milliseconds lock_wait{10'000};
  std::size_t accounts = 100'000; // at most
};

class StateDirectory {
public:
  // Waits for the lock, so only before the loop. FILES outlives the object. The process's umask
  // must leave modes 0750 and 0640 as they are.
  static Expected<std::unique_ptr<StateDirectory>> open(UniqueFd root, FileSystem& files,
                                                        const StateOptions& options);

  int root() const { return root_.get(); }
  int scratch() const { return scratch_.get(); }

  // As MessageStore::resolve_accounts, and waits for the disk. Callable from any thread.
  Expected<std::vector<AccountId>> resolve_accounts(const std::vector<AccountName>& names);

private:
  StateDirectory(UniqueFd root, FileSystem& files, const StateOptions& options)
      : root_(std::move(root)), files_(files), options_(options) {}

  Expected<void> take_lock();
  Expected<UniqueFd> ensure_directory(int parent, const std::string& name, mode_t mode);
  Expected<void> ensure_maildrop(std::uint32_t account);
  Expected<void> read_accounts();
  Expected<void> write_accounts(const AccountTable& table);
  Expected<void> sweep_scratch();
  Expected<void> sweep_tmp(std::uint32_t account);

  UniqueFd root_;
  FileSystem& files_;
  StateOptions options_;
  UniqueFd lock_, maildrops_, scratch_;
  std::mutex mutex_; // guards accounts_ and the writing of the file
  AccountTable accounts_;
};

} // namespace letterlock::queued
