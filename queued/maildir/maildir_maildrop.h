// MaildirMaildrop: one session with one account's Maildir: what it held at the beginning, read and
// expunged.
//
// The functions that wait for the disk run on a WorkerPool; the rest on the loop's thread.
#pragma once

#include "queued/disk/completion_queue.h"
#include "queued/disk/directory.h"
#include "queued/disk/worker_pool.h"
#include "queued/maildir/index_cache.h"
#include "queued/maildir/maildir_writer.h"
#include "queued/message_store.h"

#include <sys/stat.h>

#include <chrono>
#include <string>
#include <unordered_set>

namespace letterlock::queued {

// Files that were left alone and of which the log has been told. Callable from any thread.
class MentionedFiles {
public:
  // True the first time only, and never once very many files were told of.
  bool is_first(const std::string& account_and_name);

private:
  std::mutex mutex_;
  std::unordered_set<std::string> mentioned_;
};

// What a session borrows from the store, which outlives it.
struct MaildropServices {
  FileSystem& files;
  int root;
  WorkerPool& workers;
  CompletionQueue& completions;
  MaildropIndexCache& indices;
  MentionedFiles& mentioned;
  const MaildirHost& host;
  std::size_t most_messages;
  // A message that was pending when the session began: a copy of it, in memory or elsewhere. Gone:
  // it is in its place by now. Called from a worker; not called, and may be none, without such.
  std::function<ReadResult<OpenedMessage>(AccountId, const Id128& message)> open_pending;
  // Makes the removal of files durable, and sees to it that it happens. Called from a worker.
  std::function<void(ExpungeRequest, std::function<void(Expected<void>)> done)> expunge;
  std::chrono::system_clock::time_point (*now)() = std::chrono::system_clock::now;
};

// What the journal has decided and the directories do not show yet.
struct UnsettledMessages {
  // Shown, though there may be no file yet, or one that is not whole.
  std::vector<PendingMessage> pending;
  // Not shown, though there is a file: names without flags, and ids of ours.
  std::vector<std::string> expunged;
  std::vector<Id128> expunged_messages;
};

class MaildirMaildrop final : public Maildrop,
                              public std::enable_shared_from_this<MaildirMaildrop> {
public:
  // Reads the directories, if they have changed since they were read last; waits for the disk.
  static ReadResult<std::shared_ptr<MaildirMaildrop>> open(const MaildropServices& services,
                                                           AccountId account, MaildropLock lock,
                                                           const UnsettledMessages& unsettled = {});

  const MessageList& messages() const override { return *index_; }
  const std::vector<std::string>& notes() const override { return notes_; }
  void open_message(std::size_t index,
                    std::function<void(ReadResult<OpenedMessage>)> done) override;
  void expunge(const Id128& transaction, std::vector<std::size_t> indices,
               std::function<void(ReadResult<Expunged>)> done) override;

  const MaildropIndex& index() const { return *index_; }

private:
  MaildirMaildrop(const MaildropServices& services, AccountId account, MaildropLock lock,
                  MaildirDirectories directories)
      : services_(services), account_(account), lock_(std::move(lock)),
        directories_(std::move(directories)) {}

  SystemResult<void> find_index(std::span<const PendingMessage> pending);
  void note(std::string_view name, std::string_view what);

  ReadResult<OpenedMessage> open_now(std::size_t index);
  // Why the file that was opened is not what was listed; empty: it is.
  std::string changed_since(std::size_t index, int file, const struct stat& about) const;
  ExpungeRequest request_for(const Id128& transaction,
                             const std::vector<std::size_t>& indices) const;
  // Calls ACTION with the directory and name where the message may be, until it answers something
  // but ENOENT: as listed, then where look_into_cur() saw it last, or in `new`. ACTION answers 0 or
  // an error number, and so does this.
  int at_known_place(std::size_t index,
                     const std::function<int(bool cur, const std::string&)>& action);
  // Finds what other programs moved there, or gave other flags.
  void look_into_cur();
  int directory(bool cur) const { return cur ? directories_.cur.get() : directories_.fresh.get(); }

  const MaildropServices services_;
  const AccountId account_;
  const MaildropLock lock_;
  const MaildirDirectories directories_;
  std::shared_ptr<const MaildropIndex> index_;
  bool has_pending_ = false;
  std::vector<std::string> notes_;

  std::mutex mutex_;                           // guards moved_
  std::shared_ptr<const MaildropIndex> moved_; // cur/ as last seen; none: not yet
};

} // namespace letterlock::queued
