// SlotTable: the slots of a journal: which are there, which are free, making new ones.
//
// A slot is free when every record in it is retired. Callable from any thread; taking a slot waits
// for one that is being made. Source: docs/spool.md, "The journal", "Committing".
#pragma once

#include "queued/journal/slot_file.h"

#include "queued/journal/record.h"

#include <condition_variable>
#include <mutex>
#include <set>
#include <vector>

namespace letterlock::queued::journal {

class SlotTable {
public:
  // DIRECTORY (borrowed) is the open `journal`. At most SLOTS are used; new ones have
  // SEGMENT_BYTES. Of the records that are there, up to LAST, those up to RETIRED need nothing.
  SlotTable(FileSystem& files, int directory, std::size_t segment_bytes, std::size_t slots,
            Sequence retired, Sequence last);

  // At start: looks at what is there, and removes what was half made. The slot with the newest
  // segment is kept until release_newest(): until there is a newer one, the journal is nothing
  // without it. What is no slot of ours is left alone and never used.
  SystemResult<void> find();
  void release_newest();

  struct Taken {
    std::uint32_t slot = 0;
    UniqueFd file;
    std::uint64_t size = 0;
    bool blank = false; // it holds no segment
  };
  // A free slot with ROOM that is not among the TRIED ones, the oldest first; a new one if there is
  // none. It is not free until finish(). ENOSPC: there is none, or no room for a new one; EFBIG: no
  // slot has so much room.
  SystemResult<Taken> take(std::uint64_t room, const std::set<std::uint32_t>& tried);
  // Nothing more is written to it; LAST is the highest sequence in it that may be needed, 0 for
  // none.
  void finish(std::uint32_t slot, Sequence last);

  // Makes slots until SPARE are free, or no more are allowed.
  SystemResult<void> prepare(std::size_t spare);
  std::size_t free() const;

  // At a start, before release_newest(): the newest segment, if no more than one slot is free once
  // what is below NEEDED is retired.
  struct Newest {
    std::uint32_t slot = 0;
    std::uint64_t generation = 0;
    Sequence first = 0, last = 0; // of its records
  };
  std::optional<Newest> newest_if_short(Sequence needed) const;

  std::uint64_t segment_bytes() const { return segment_bytes_; } // of new ones

  void retire(Sequence up_to);
  Sequence retired() const;
  // That are not free.
  std::size_t in_use() const;

private:
  enum class State : std::uint8_t { absent, making, idle, writing, not_ours };
  struct Slot {
    State state = State::absent;
    bool newest = false; // of the start
    std::uint64_t size = 0;
    std::uint64_t used = 0; // the higher, the later it was used; 0: never
    Sequence first = 0;     // of its first record, as it was found
    Sequence last = 0;
  };

  bool is_free(const Slot& slot) const;
  SystemResult<void> make(std::unique_lock<std::mutex>& lock, std::uint32_t slot);
  SystemResult<void> write_zeros(std::uint32_t slot);
  SystemResult<Taken> open(std::uint32_t slot);
  void look_at(std::uint32_t slot);
  void tell_what_is_needed();

  FileSystem& files_;
  int directory_;
  std::uint64_t segment_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable made_;
  std::vector<Slot> slots_;
  Sequence retired_;
  const Sequence last_found_;
  std::uint64_t uses_ = 0;
};

} // namespace letterlock::queued::journal
