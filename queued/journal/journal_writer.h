// JournalWriter: appends batches of records to segments, syncs them, rolls from slot to slot, and
// survives a disk that fails.
//
// One thread uses it; it waits for the disk. Slots are freed by retire(), which may come from any
// thread. Source: docs/spool.md, "The journal", "Committing" and "When the disk fails".
#pragma once

#include "queued/disk/file_system.h"
#include "queued/journal/journal_reader.h"
#include "queued/journal/remembered.h"
#include "queued/journal/slot_table.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>

namespace letterlock::queued::journal {

struct WriterStart {
  std::size_t segment_bytes = 32u << 20; // of slots that are made; those that exist keep their size
  std::size_t slots = 8;                 // at most; 2 at least
  std::uint64_t generation = 1;          // that of its first segment is this or higher
  Sequence sequence = 1;                 // of the first record
  // Records from this to before that were cut off, and must not be taken for durable ones once
  // there is a segment behind them. 0: there are none.
  Sequence cut_from = 0;
  // The first segment's header says that no record below this needs anything. Slots with records
  // that are not below it stay in use until retire().
  Sequence retired = 1;
  // What records and headers that are on the disk say of that. Slots with records that are not
  // below this are taken for the first segment only if there is no other.
  Sequence durably_retired = 1;
  Id128 life;
  std::vector<Id128> seen;         // durable lately, newest last
  std::vector<Position> positions; // all mailboxes that have one
};

enum class BatchFault : std::uint8_t {
  full,     // no slot is free and no new one can be made, or the batch is too long for any: nothing
            // was written, and the journal goes on
  failed,   // the disk failed; the records are void, durably, and the journal goes on
  in_doubt, // the disk failed and so did voiding them: answer nobody. The journal is broken
  broken,   // the journal was broken before; nothing was written
};

struct BatchError {
  BatchFault fault{};
  std::string text; // for the log
};

// Of a journal with so many slots one is kept for what frees others; of one with more than a few,
// two, so that one is there for the next start when removals have taken the other.
inline constexpr std::size_t least_slots_to_keep_one = 4, least_slots_to_keep_two = 6;
constexpr std::size_t slots_to_keep(std::size_t slots) {
  return slots >= least_slots_to_keep_two ? 2 : slots >= least_slots_to_keep_one ? 1 : 0;
}

class JournalWriter {
public:
  // Makes the first segment, whose header retires all before it, and syncs it: the last step of
  // recovery. DIRECTORY (borrowed) is the open `journal`; NOW tells the time in seconds since 1970.
  // The segment that was the newest stays as it is until then. If there is no room for a slot the
  // journal begins broken, and what is stored can be read: mend() tries again. Another failure of
  // the disk is an error.
  static SystemResult<std::unique_ptr<JournalWriter>> start(FileSystem& files, int directory,
                                                            const WriterStart& start,
                                                            std::function<std::int64_t()> now);

  // ---- One batch: add what belongs to it, then commit() it, which empties it again.

  // Its future sequence, if the batch is written. The record is encoded at once: its views may die
  // after the call.
  Sequence add(const Record& record);
  std::size_t batch_bytes() const { return batch_.bytes.size(); }
  // Writes and syncs the batch. Where each record is, in the order of adding. The transactions and
  // mailbox sequences in it are remembered for the next segment. A batch that goes through is empty
  // afterwards, and so is one that does not.
  enum class Room : std::uint8_t {
    all,        // for what frees slots
    removals,   // of messages, which free the disk: one of the slots that are kept
    keep_slots, // leaves what slots_to_keep() says, of those that are there; but mail has half of
                // the segment that a start has begun
  };
  std::expected<std::vector<Place>, BatchError> commit(Room room = Room::all);
  // Forgets what was added.
  void discard();
  // Writes the batch without a sync of its own: for Materialised. What is committed next counts as
  // one batch with it. Where a new segment has to begin, it is a commit().
  std::expected<void, BatchError> write_lazily();
  // After BatchFault::in_doubt or broken: tries to void the doubtful batch again, in each slot that
  // is free. True: the journal works again.
  bool mend();

  // ---- Slots; callable from any thread

  // Makes the slots that will be needed next, until SPARE are free: writing one full of zeros takes
  // its time, and commit() has to do it if nobody did. What fails is tried again by commit().
  SystemResult<void> prepare_slot(std::size_t spare = 1) { return slots_.prepare(spare); }
  // A batch that is to leave some may find that it cannot.
  bool is_short_of_slots() const {
    const std::size_t keep = slots_to_keep(most_slots_);
    return keep > 0 && slots_.free() <= keep;
  }

  // Everything up to UP_TO is retired by a record that is durable. While the journal is broken none
  // can be written: then it is enough that nothing up to UP_TO needs its record any more, and the
  // segment that mends the journal says so in its header.
  void retire(Sequence up_to);
  struct Use {
    std::size_t slots = 0;     // with records that are not retired, and the one being written
    bool segment_full = false; // a segment was finished since the last retire()
    Sequence full_up_to = 0;   // the last record of the newest finished segment
    bool broken = false;
  };
  Use use() const;

private:
  struct Added {
    std::size_t offset = 0, length = 0; // in the batch
  };
  struct Batch {
    std::string bytes;
    std::vector<Added> added;
    Sequence first = 0;
    bool only_upkeep = true; // Materialised and Retire
    ToRemember to_remember;
  };
  struct Current {
    std::uint32_t slot = 0;
    UniqueFd file; // none: there is no segment that may be written
    std::uint64_t generation = 0;
    std::uint64_t size = 0;
    std::uint64_t end = 0;    // where the next record goes
    std::uint64_t synced = 0; // up to here it is durable
    bool is_first = false;    // a start has begun it, or a repair
  };
  // A segment whose records are to be written again.
  struct Source {
    std::uint32_t slot = 0;
    std::uint64_t generation = 0;
    std::uint64_t durable = 0; // octets from its beginning
  };
  using Tried = std::set<std::uint32_t>;

  JournalWriter(FileSystem& files, int directory, const WriterStart& start,
                std::function<std::int64_t()> now);

  std::uint64_t next_generation() const;
  std::size_t most_seen_here() const;
  std::uint64_t closing_room() const;
  std::uint64_t upkeep_room() const;
  bool fits_in_current() const;
  SystemResult<void> keep_slots_for(Room room);
  std::string header_bytes(std::uint64_t generation, Sequence first, bool vacated) const;
  std::string what_is_remembered(std::uint64_t generation, Sequence batch, const ToRemember& more);

  SystemResult<void> append_batch(bool sync);
  std::expected<std::vector<Place>, BatchError> commit_to_current();
  std::expected<std::vector<Place>, BatchError> commit_to_new_segment();
  std::vector<Place> committed(std::uint64_t offset);
  void finish_current(Sequence last);
  BatchError failed(const std::string& what, Errno error, Tried tried);
  BatchError refused(BatchFault fault, std::string text);
  void empty_batch();

  SystemResult<void> begin_anew(Tried tried);
  SystemResult<void> write_anew(const SlotTable::Taken& taken, std::uint64_t generation,
                                Sequence first, Bytes frames);
  template <class Wanted>
  std::string records_again(const Source& of, std::uint64_t generation, Sequence& first,
                            Wanted wanted) const;
  std::string written_again(std::uint64_t generation, Sequence& first) const;
  std::string carried_over(std::uint64_t generation, Sequence& first) const;

  FileSystem& files_;
  int directory_;
  Id128 life_;
  Sequence first_needed_; // by what the start said
  std::function<std::int64_t()> now_;
  std::size_t most_slots_;
  SlotTable slots_;
  std::uint64_t generation_; // the highest ever used
  Sequence next_;
  Remembered remembered_;
  Current current_;
  Batch batch_;

  Sequence unsynced_ = 0; // the first record that was written lazily since the last sync; or 0
  ToRemember lazily_;     // what those hold

  std::optional<Source> poisoned_; // what in it was durable
  Sequence doubtful_ = 0; // the first record of a batch that failed and is not void yet; or 0
  std::atomic<bool> broken_ = true;
  bool broken_for_room_ = false; // and for no other reason

  mutable std::mutex mutex_; // for what follows
  bool segment_full_ = false;
  Sequence full_up_to_ = 0;
};

} // namespace letterlock::queued::journal
