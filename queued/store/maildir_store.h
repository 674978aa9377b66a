// The engine of MessageStore that keeps Maildirs and syncs everything before it answers.
#pragma once

#include "queued/disk/file_system.h"
#include "queued/store/store.h"

#include <chrono>

namespace letterlock::queued {

struct MaildirStoreOptions {
  std::string server_name;    // the host part of file names
  std::int64_t now = 0;       // seconds since 1970, to know old files in tmp/ by
  std::uint64_t reserve = 0;  // bytes that stay free
  std::optional<gid_t> group; // of maildrops/ and below; none: leave it as it comes
  std::chrono::milliseconds lock_wait{10'000};
  std::size_t read_threads = 2;
  StoreLimits limits;
};

// ROOT is the state directory. Takes its lock (waiting for it), makes and sweeps what docs/spool.md
// says, and starts the store's threads: after the sandbox is entered and with umask 027 or less.
// FILES outlives the store.
Expected<std::unique_ptr<MessageStore>> open_maildir_store(UniqueFd root,
                                                           const MaildirStoreOptions& options,
                                                           FileSystem& files = posix_file_system());

} // namespace letterlock::queued
