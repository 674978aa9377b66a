// MaildirMaildrop: one opening of one account's Maildir: listed, read, expunged.
//
// The functions that wait for the disk run on a WorkerPool; the rest on the loop's thread.
#pragma once

#include "queued/disk/completion_queue.h"
#include "queued/disk/directory.h"
#include "queued/disk/worker_pool.h"
#include "queued/store/store.h"

#include <unordered_map>
#include <unordered_set>

namespace letterlock::queued {

// What all openings share; callable from any thread.
class MaildropKnowledge {
public:
  // The wire size of a file whose name does not tell, found out before.
  std::optional<std::uint64_t> wire_size(const std::string& account_and_name) const;
  void learn_wire_size(const std::string& account_and_name, std::uint64_t size);
  // True the first time only, and never once very many files were told of.
  bool first_mention(const std::string& account_and_name);

private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::uint64_t> wire_sizes_;
  std::unordered_set<std::string> mentioned_;
};

// What an opening borrows from the store, which outlives it.
struct MaildropServices {
  FileSystem& files;
  int root;
  WorkerPool& workers;
  CompletionQueue& completions;
  MaildropKnowledge& knowledge;
  std::size_t most_messages;
};

class MaildirMaildrop final : public Maildrop,
                              public std::enable_shared_from_this<MaildirMaildrop> {
public:
  // Reads the directories; waits for the disk.
  static ReadResult<std::shared_ptr<MaildirMaildrop>> list(const MaildropServices& services,
                                                           AccountId account, MaildropLock lock);

  const std::vector<StoredMessage>& messages() const override { return messages_; }
  const std::vector<std::string>& notes() const override { return notes_; }
  void open_message(std::size_t index,
                    std::function<void(ReadResult<OpenedMessage>)> done) override;
  void expunge(std::vector<std::size_t> indices,
               std::function<void(ReadResult<Expunged>)> done) override;

private:
  // Where a message was when the maildrop was listed.
  struct Place {
    std::string name, base;
    bool in_cur = false;
  };
  struct Found; // a file, while listing

  MaildirMaildrop(const MaildropServices& services, AccountId account, MaildropLock lock,
                  MaildirDirectories directories)
      : services_(services), account_(account), lock_(std::move(lock)),
        directories_(std::move(directories)) {}

  SystemResult<void> scan(bool cur, std::vector<Found>& found);
  std::optional<std::uint64_t> wire_size_of(int directory, const Place& place);
  void note(const std::string& name, std::string_view what);
  void number(std::vector<Found> found);

  ReadResult<OpenedMessage> open_now(std::size_t index);
  ReadResult<Expunged> expunge_now(const std::vector<std::size_t>& indices);
  // Calls ACTION with the directory and name where the message may be, until it answers something
  // but ENOENT: as listed, then where look_into_cur() saw it last. ACTION answers 0 or an error
  // number, and so does this.
  int at_known_place(std::size_t index,
                     const std::function<int(bool cur, const std::string&)>& action);
  // Finds what other programs moved there, or gave other flags.
  void look_into_cur();
  int directory(bool cur) const { return cur ? directories_.cur.get() : directories_.fresh.get(); }

  const MaildropServices services_;
  const AccountId account_;
  const MaildropLock lock_;
  MaildirDirectories directories_;
  std::vector<StoredMessage> messages_;
  std::vector<Place> places_; // of messages_, index by index
  std::vector<std::string> notes_;

  std::mutex mutex_;                                   // guards moved_
  std::unordered_map<std::string, std::string> moved_; // base → name in cur/, as last seen
};

} // namespace letterlock::queued
