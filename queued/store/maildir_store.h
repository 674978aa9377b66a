// The engine of MessageStore that keeps Maildirs behind a journal (docs/spool.md).
#pragma once

#include "queued/disk/file_system.h"
#include "queued/message_store.h"
#include "queued/store/maildrop_keeper.h"

#include <chrono>

namespace letterlock::queued {

struct MaildirStoreOptions {
  std::string server_name;    // the host part of file names
  std::int64_t now = 0;       // seconds since 1970, to know old files in tmp/ by
  std::uint64_t reserve = 0;  // bytes that stay free
  std::optional<gid_t> group; // of maildrops/ and below; none: leave it as it comes
  // Names the page cache (os::cache_life); none: no unsynced file of an earlier start is trusted.
  std::optional<Id128> life;
  std::chrono::milliseconds lock_wait{10'000};
  std::size_t read_threads = 2;
  std::size_t copy_threads = 2;        // for large messages
  std::size_t materialise_threads = 2; // each with maildrops of its own
  std::chrono::milliseconds checkpoint_interval{30'000};
  std::chrono::milliseconds first_retry{1'000}; // of what a maildrop did not take
  std::chrono::milliseconds full_pace{2'000};   // batches wait so long when the journal is full
  MaildropKeeperOptions keeping;
  // For the log; called from drain_completions().
  std::function<void(const StoreReport&)> report;
  // Called from drain_completions() when more or less fits into the maildrop of an account with a
  // quota, once that is known, and when it has none any more.
  std::function<void(const AccountRoom&)> room_changed;
  StoreLimits limits;
};

// ROOT is the state directory. Takes its lock (waiting for it), makes and sweeps what docs/spool.md
// says, recovers, and starts the store's threads: after the sandbox is entered and with umask 027
// or less. FILES outlives the store.
Expected<std::unique_ptr<MessageStore>> open_maildir_store(UniqueFd root,
                                                           const MaildirStoreOptions& options,
                                                           FileSystem& files = posix_file_system());

} // namespace letterlock::queued
