// RelayQueue: what Accepts for other hosts and the Outcomes of their recipients add up to, and
// which of it queue/ does not hold yet. Pure: no disk, no clock.
//
// Source: docs/spool.md, "The queue".
#pragma once

#include "queued/journal/journal_reader.h"
#include "queued/message_store.h"

#include <map>
#include <set>

namespace letterlock::queued {

class RelayQueue {
public:
  enum class Kept : std::uint8_t {
    no,      // queue/MESSAGE was never begun
    perhaps, // it was begun, and may be there or in part
    yes,
  };
  struct Entry {
    QueuedMessage message;
    bool large = false;
    journal::Sequence accepted = 0; // its record; 0 if it is known from queue/ alone
    journal::Place place;           // of that
    Kept kept = Kept::no;
    std::uint64_t version = 0;        // of the recipients' states
    std::uint64_t kept_version = 0;   // what MESSAGE.state holds; 0: there is none
    journal::Sequence unkept = 0;     // the first Outcome that it does not hold; 0: none
    std::size_t open = 0;             // recipients that are waiting or deferred
    std::vector<bool> claimed;        // recipients of which an outcome is being recorded; or empty
    std::shared_ptr<const void> room; // for its files, until they are there

    bool finished() const { return open == 0; }
  };

  // ---- What is there

  // A record of the journal. Without recipients for other hosts, or with a message id that is
  // known: nothing.
  void add(const journal::Accept& accept, journal::Sequence sequence, const journal::Place& place);
  // The same of one that is being committed; RECIPIENTS of it are all waiting. ROOM is held until
  // the message has its files or needs none.
  void add(QueuedMessage message, bool large, journal::Sequence sequence,
           const journal::Place& place, std::shared_ptr<const void> room);
  // The same from queue/MESSAGE.
  void add_kept(const journal::Accept& accept);
  // A record of the journal. Done and failed are final; what is not known means nothing.
  void apply(const journal::Outcome& outcome, journal::Sequence sequence);
  // The same from queue/MESSAGE.state. False: it is not of that message as it is known.
  bool apply_kept(const journal::Outcome& outcome);
  // It is not in the queue: it cannot be read.
  void forget(const Id128& message);

  const Entry* find(const Id128& message) const;
  // Those that are not finished, in the order of their ids.
  std::vector<QueuedMessage> messages() const;
  std::size_t unfinished() const { return unfinished_; }
  std::size_t recipients() const { return recipients_; } // of all of those
  // With finished ones that have files.
  const std::map<Id128, Entry>& entries() const { return entries_; }

  // ---- Outcomes on their way

  // Empty if OUTCOME may be recorded: then nothing else may be of the same recipients until
  // release(). Else what is wrong with it.
  std::string claim(const QueueOutcome& outcome);
  void release(const Id128& message, const std::vector<std::uint16_t>& recipients);

  // ---- Keeping

  struct Due {
    Id128 message;
    bool write_message = false, write_state = false; // neither: remove, it is finished
    bool large = false;
    journal::Place place;                    // to write MESSAGE from
    std::uint64_t version = 0;               // of the following
    std::vector<QueuedRecipient> recipients; // to write MESSAGE.state from
  };
  // What has to be done to queue/ before everything up to UP_TO is retired. What is to be written
  // is begun from now on: a message that is finished meanwhile stays until its files are removed.
  std::vector<Due> due(journal::Sequence up_to);
  // DUE was done, and is durable.
  void was_done(const Due& due);
  // The first record that is still needed after that; 0: none.
  journal::Sequence first_needed() const;

private:
  using Entries = std::map<Id128, Entry>;
  Entry* insert(QueuedMessage message, bool large);
  Entry* insert(const journal::Accept& accept);
  bool set_states(Entry& entry, const journal::Outcome& outcome);
  void leave(Entry& entry);
  void erase(Entries::iterator entry);

  Entries entries_;
  std::set<Id128> changed_; // those that have something due, now or later
  std::size_t unfinished_ = 0, recipients_ = 0;
};

// One Outcome that tells all of RECIPIENTS; its views point into them.
journal::Outcome to_record(const Id128& message, const std::vector<QueuedRecipient>& recipients);

} // namespace letterlock::queued
