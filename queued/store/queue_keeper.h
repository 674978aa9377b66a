// QueueKeeper: the queue as all threads of the store see it: the table, its files, and room in it.
//
// Callable from any thread; what waits for the disk says so. Source: docs/spool.md, "The queue".
#pragma once

#include "queued/store/queue_files.h"

#include <mutex>

namespace letterlock::queued {

class QueueKeeper {
public:
  QueueKeeper(FileSystem& files, const QueueDirectories& directories, const StoreLimits& limits)
      : files_(files, directories), limits_(limits) {}
  QueueKeeper(const QueueKeeper&) = delete;
  QueueKeeper& operator=(const QueueKeeper&) = delete;

  // ---- At start, in this order; waits for the disk

  using SetAside = std::function<void(const std::string& name, const std::string& why)>;
  // What is in `queue`. What cannot be understood goes to SET_ASIDE, once for each name.
  SystemResult<void> load(const SetAside& set_aside);
  // Each record of the journal, in its order.
  void note(const journal::Record& record, journal::Sequence sequence, const journal::Place& place);
  struct Settled {
    journal::Sequence first_needed = 0; // a record that the journal must keep; 0: none
    std::string why;                    // for the log, if there is one
    std::vector<std::string> lost;      // large messages whose content is gone; for the log
  };
  // Makes `queue` hold all of it. An error: not even what is there is sure.
  SystemResult<Settled> settle();
  // Names in `large` that messages in the journal need.
  std::vector<std::string> large_names() const;

  // ---- Room and outcomes under way. What is returned ends with its last owner.

  using Hold = std::shared_ptr<const void>;
  // Room for a message that is to come; none: the queue is full. REPORT: it is a DSN, for which
  // there is as much room again, so that a full queue can become empty.
  Hold book(std::size_t recipients, bool report);
  // The right to record OUTCOME; an error: it is refused.
  Expected<Hold> claim(const QueueOutcome& outcome);

  // ---- Committed

  // ROOM on the disk is held until the message has its files or needs none.
  void add(const Delivery& delivery, const Id128& message, bool large, journal::Sequence sequence,
           const journal::Place& place, Hold room);
  void apply(const journal::Outcome& outcome, journal::Sequence sequence);

  // Before everything up to UP_TO is retired: makes `queue` hold what it must. One thread; waits
  // for the disk.
  struct Kept {
    std::string why;               // if not empty, nothing may be retired
    std::vector<std::string> lost; // messages that cannot be read, and are not in the queue now
  };
  Kept keep(journal::Sequence up_to);

  // ---- For readers

  std::vector<QueuedMessage> messages() const;
  std::optional<QueuedMessage> find(const Id128& message) const;
  ReadResult<OpenedMessage> open(const Id128& message) const; // waits for the disk

private:
  struct Booked {
    std::mutex mutex;
    std::size_t messages = 0, recipients = 0;
  };
  void load_one(const Id128& message, bool has_state, bool has_content, const SetAside& set_aside);

  QueueFiles files_;
  const StoreLimits limits_;
  const std::shared_ptr<Booked> booked_ = std::make_shared<Booked>();
  // During the start: what is in `queue` without a message.
  std::set<Id128> stray_states_, stray_contents_;
  mutable std::mutex mutex_; // guards table_
  RelayQueue table_;
};

} // namespace letterlock::queued
