// LargeFiles: copies of large messages, each a file in `large` that is synced before the journal
// names it, linked into its maildrop or the queue, and removed once a checkpoint has made that
// durable.
//
// Callable from any thread; what waits for the disk says so. Source: docs/spool.md, "Committing"
// and "Checkpoint".
#pragma once

#include "queued/journal/record.h"
#include "queued/store/content.h"

#include <deque>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

namespace letterlock::queued {

class LargeFiles {
public:
  // DIRECTORY (borrowed) is the open `large`.
  LargeFiles(FileSystem& files, int directory) : files_(files), directory_(directory) {}

  int directory() const { return directory_; }
  // Stands for the mailbox of the copy without a head that the queue needs; no account has it.
  static constexpr std::uint32_t of_queue = 0;
  // MESSAGE.MAILBOX
  static std::string name_of(const Id128& message, std::uint32_t mailbox);

  // The mailboxes that a delivery has files for, of_queue among them.
  static std::vector<std::uint32_t> mailboxes_of(const Delivery& delivery);

  // Writes and syncs one file for each of these; waits. On a refusal there is none.
  std::expected<void, Refusal> write(const Delivery& delivery, const Id128& message,
                                     const ScratchFile& scratch);
  // The names, durably; waits. To be called once before the records that name them.
  SystemResult<void> sync_names() { return files_.sync_directory(directory_); }
  // The message will not be; waits.
  void remove(const Id128& message, const std::vector<std::uint32_t>& mailboxes);

  // One copy of a message whose own record SEQUENCE holds its content, so that the record can go;
  // waits. It is not durable before it is synced, but for one that takes the place of an earlier
  // attempt's: a record may name that. If none that is certain ever does, it goes when SEQUENCE is
  // retired.
  SystemResult<UniqueFd> write_one(journal::Sequence sequence, const Id128& message,
                                   std::uint32_t mailbox, Bytes head, Bytes content);

  // It is named by the record SEQUENCE, and by no older one any more. The sequences rise.
  void recorded(journal::Sequence sequence, const Id128& message, std::uint32_t mailbox);
  // Everything up to SEQUENCE is durable in its maildrop: the names go; waits.
  void retire(journal::Sequence sequence);

  // At start: removes all names but KEPT; waits.
  SystemResult<void> sweep(const std::unordered_set<std::string>& kept);

private:
  void belongs_to(journal::Sequence sequence, std::string name);

  FileSystem& files_;
  const int directory_;
  std::mutex mutex_; // guards what follows
  // In their order, but for what write_one() puts between: that may go later than it could.
  std::deque<std::pair<journal::Sequence, std::string>> recorded_;
  std::unordered_map<std::string, journal::Sequence> newest_; // of each name in it
};

} // namespace letterlock::queued
