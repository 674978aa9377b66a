// StateDirectory: the layout below queued's root: locked, made, swept and kept (docs/spool.md,
// "Layout", "Start" and "Rotten spools").
#pragma once

#include "queued/disk/file_system.h"
#include "queued/journal/journal_reader.h"
#include "queued/store/account_table.h"
#include "queued/store/clock_guard.h"
#include "queued/store/identity.h"

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>

namespace letterlock::queued {

struct StateOptions {
  std::int64_t now = 0;       // seconds since 1970, to know old files in tmp/ by
  std::optional<gid_t> group; // of maildrops/ and below, and of large/; none: leave it as it comes
  std::chrono::milliseconds lock_wait{10'000};
  std::size_t accounts = 100'000; // at most
};

class StateDirectory {
public:
  // Waits for the lock, so only before the loop. FILES outlives the object. The process's umask
  // must leave modes 0750 and 0640 as they are.
  // An error also says what was set aside before it.
  static Expected<std::unique_ptr<StateDirectory>> open(UniqueFd root, FileSystem& files,
                                                        const StateOptions& options);

  int root() const { return root_.get(); }
  int scratch() const { return scratch_.get(); }
  int journal() const { return journal_.get(); }
  int large() const { return large_.get(); }
  int queue() const { return queue_.get(); }
  // Of this start: its epoch is one that no start before had.
  const Identity& identity() const { return identity_; }
  // What the start before has kept of the clock; one that cannot be understood is doubted.
  const std::optional<ClockRecord>& clock() const { return clock_; }
  // Waits for the disk; from one thread.
  Expected<void> keep_clock(const ClockRecord& clock) {
    return replace_file(root(), "clock", clock.format());
  }
  // What was set aside or left alone since the last call. Callable from any thread.
  std::vector<StoreReport> take_reports();

  // As MessageStore::resolve_accounts, and waits for the disk. Callable from any thread.
  Expected<std::vector<AccountId>> resolve_accounts(const std::vector<AccountName>& names);
  // Whether that id was given to anybody. Callable from any thread.
  bool has_account(AccountId account) const;
  // No id up to that one is given to a new name: something is known of a maildrop that has it,
  // though `accounts` does not know it any more.
  void keep_ids(std::uint32_t up_to);
  // Makes what is missing of it. Waits for the disk; callable from any thread.
  Expected<void> ensure_maildrop(std::uint32_t account);

  // Keeps the damaged bytes of the journal in corrupt/, or all of a slot. What was done, for the
  // log.
  std::string set_aside(const journal::Damage& damage);
  // The same for what has NAME in queue/.
  std::string set_queue_aside(const std::string& name);

private:
  StateDirectory(UniqueFd root, FileSystem& files, const StateOptions& options)
      : root_(std::move(root)), files_(files), options_(options) {}

  Expected<void> prepare();
  Expected<void> take_lock();
  // PATH: from the root, for the log; its last part is the name below PARENT. So of the others.
  Expected<UniqueFd> ensure_directory(int parent, const std::string& path, mode_t mode);
  static SystemResult<std::string> read_text(int directory, const std::string& name);
  // A file that is replaced whole; PATH as above. None: it is not there, or was set aside. Fails
  // where that would be judged by what we lack ourselves.
  Expected<std::optional<std::string>> read_file(int parent, const std::string& path);
  Expected<void> replace_file(int parent, const std::string& path, const std::string& text);
  // NAME, or NAME.1 …, beginning with that number; 0 is NAME itself.
  static std::string free_name(int directory, const std::string& name, unsigned first);
  // To corrupt/, or beside itself. What was done, for the log.
  std::string move_aside(int parent, const std::string& path);
  void set_file_aside(int parent, const std::string& path, const std::string& why);
  Expected<void> read_identity();
  Expected<void> read_clock();
  Expected<void> read_accounts();
  Expected<void> rebuild_accounts();
  // What a maildrop says of itself, as read_file().
  Expected<std::optional<std::string>> read_name(int maildrop, const std::string& number);
  void name_maildrop(std::uint32_t account, std::string_view name);
  Expected<void> sweep_scratch();
  Expected<void> sweep_tmp(std::uint32_t account);
  void say(StoreReport::Level level, std::string event, std::string text);

  UniqueFd root_;
  FileSystem& files_;
  StateOptions options_;
  dev_t device_ = 0; // of the root, and of all that is in it
  UniqueFd lock_, maildrops_, scratch_, journal_, large_, queue_, corrupt_;
  Identity identity_;
  std::optional<ClockRecord> clock_;
  std::mutex reports_mutex_;
  std::vector<StoreReport> reports_;
  std::atomic<std::size_t> accounts_given_ = 0; // the size of accounts_, without waiting for it
  std::mutex mutex_;                            // guards accounts_ and the writing of the file
  AccountTable accounts_;
};

} // namespace letterlock::queued
