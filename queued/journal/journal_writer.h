// JournalWriter: appends batches of records to segments, syncs them, rolls from slot to slot, and
// survives a disk that fails.
//
// One thread uses it; it waits for the disk. Slots are freed by retire(), which may come from any
// thread. Source: docs/spool.md, "The journal", "Committing" and "When the disk fails".
#pragma once

#include "queued/disk/file_system.h"
#include "queued/journal/journal_reader.h"

#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <unordered_map>

namespace letterlock::queued::journal {

struct WriterStart {
  std::size_t segment_bytes = 32u << 20; // of slots that are made; those that exist keep their size
  std::size_t slots = 8;                 // at most
  std::uint64_t generation = 1;          // of the first segment that it writes
  Sequence sequence = 1;                 // of the first record
  // The first segment's header says that no record below this needs anything. Slots with records
  // that are not below it stay in use until retire().
  Sequence retired = 1;
  Id128 life;
  std::vector<Id128> seen;         // durable lately, newest last
  std::vector<Position> positions; // all mailboxes that have one
};

enum class BatchFault : std::uint8_t {
  full,     // no slot is free and no new one can be made: nothing was written
  failed,   // the disk failed; the records are void, durably
  in_doubt, // the disk failed and so did voiding them: answer nobody
  broken,   // the journal is broken; nothing was written
};

struct BatchError {
  BatchFault fault{};
  std::string text; // for the log
};

class JournalWriter {
public:
  // Makes the first segment, whose header retires all before it, and syncs it: the last step of
  // recovery. DIRECTORY (borrowed) is the open `journal`; NOW tells the time in seconds since 1970.
  static SystemResult<std::unique_ptr<JournalWriter>> start(FileSystem& files, int directory,
                                                            const WriterStart& start,
                                                            std::function<std::int64_t()> now);

  // ---- One batch: add what belongs to it, then commit() it, which empties it again.

  // Its future sequence. The record is encoded at once: its views may die after the call.
  Sequence add(const Record& record);
  std::size_t batch_bytes() const { return batch_.size(); }
  // Writes and syncs the batch. Where each record is, in the order of adding. `seen` and the
  // positions of the accepts in it are remembered for the next segment. The last free slot is kept
  // for the next start, for voiding what a disk failed to write, and for batches of the journal's
  // own records (LAST_SLOT), which make room.
  std::expected<std::vector<Place>, BatchError> commit(bool last_slot = false);
  // Forgets what was added.
  void discard();
  // Writes the batch without a sync of its own: for Materialised. What is committed next counts as
  // one batch with it.
  std::expected<void, BatchError> write_lazily();
  // After BatchFault::in_doubt or broken: tries to void the doubtful batch again. True: the journal
  // works again.
  bool mend();

  // ---- Slots; callable from any thread

  // Makes the slot that will be needed next, if it does not exist yet: writing it full of zeros
  // takes its time, and commit() has to do it if nobody did.
  SystemResult<void> prepare_slot();

  // Everything up to UP_TO is retired by a record that is durable.
  void retire(Sequence up_to);
  struct Use {
    std::size_t slots = 0;     // with records that are not retired, and the one being written
    bool segment_full = false; // a segment was finished since the last retire()
    Sequence full_up_to = 0;   // the last record of the newest finished segment
    bool broken = false;
  };
  Use use() const;
};

} // namespace letterlock::queued::journal
