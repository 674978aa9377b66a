// What the writer does when the disk fails, and how it begins: a segment that owes nothing to the
// one before.
//
// Here the header is written last, when all behind it is durable: such a segment retires or voids
// what others hold, so it must not count before it is whole.
#include "queued/journal/journal_writer.h"

#include "common/base/error.h"
#include "queued/journal/record_tags.h"

#include <algorithm>

namespace letterlock::queued::journal {

namespace {

constexpr std::size_t written_at_once = 1u << 20;
// Of a segment, that is left when another one's records are carried over: more than upkeep needs.
constexpr std::size_t carried_share = 8;

} // namespace

BatchError JournalWriter::failed(const std::string& what, Errno error, Tried tried) {
  if (doubtful_ == 0)
    doubtful_ = unsynced_ != 0 ? unsynced_ : batch_.first;
  if (current_.file) {
    // Its descriptor goes: nothing can be written by accident, and a sync cannot claim that all is
    // well because the failure was told already.
    poisoned_ = Source{current_.slot, current_.generation, current_.synced};
    finish_current(next_ - 1);
  }
  unsynced_ = 0;
  lazily_.clear();
  empty_batch();
  std::string text = Error::system(what, error.number).text;
  const auto begun = begin_anew(std::move(tried));
  if (begun)
    return {BatchFault::failed, std::move(text)};
  text += "; and it cannot be made void";
  return {BatchFault::in_doubt, Error::system(text, begun.error().number).text};
}

bool JournalWriter::mend() {
  if (!broken_)
    return true;
  discard();
  return begin_anew({}).has_value();
}

// The records of a segment that are WANTED, for a segment of GENERATION. FIRST becomes the sequence
// of the first one, if there is any. What cannot be read is left out.
template <class Wanted>
std::string JournalWriter::records_again(const Source& of, std::uint64_t generation,
                                         Sequence& first, Wanted wanted) const {
  std::string bytes;
  const auto slot = open_slot(directory_, of.slot);
  if (!slot)
    return bytes;
  std::vector<std::byte> old(std::min(of.durable, slot->size));
  read_slot(slot->file.get(), 0, old);
  FrameFinder finder(old, of.generation);
  for (std::size_t at = header_size;;) {
    auto frame = frame_at(old, at, of.generation);
    if (!frame)
      frame = finder.find(at, 1);
    if (!frame)
      return bytes;
    at = frame->offset + frame->length;
    if (!wanted(*frame))
      continue;
    if (bytes.empty())
      first = frame->sequence;
    std::string one(as_text(Bytes(old).subspan(frame->offset, frame->length)));
    // Each was synced before the one behind it, as far as this segment is concerned: where one of
    // them is damaged, the others still count.
    restamp(one, generation, frame->sequence);
    bytes += one;
  }
}

// Of the poisoned segment what somebody may need. What cannot be read stays where it is: the
// poisoned slot is kept until all in it is retired.
std::string JournalWriter::written_again(std::uint64_t generation, Sequence& first) const {
  const Sequence retired = slots_.retired();
  // The new segment gets a Seen and a Positions of its own.
  return records_again(*poisoned_, generation, first, [retired](const Frame& frame) {
    return frame.sequence > retired && frame.type != type::seen && frame.type != type::positions;
  });
}

// At a start that takes the last slot while a record holds the others: what the newest segment
// has, if it is not much. At the next start it is of no use any more, and so its slot is there for
// that one; else each start would need another.
std::string JournalWriter::carried_over(std::uint64_t generation, Sequence& first) const {
  const auto newest = slots_.newest_if_short(first_needed_);
  if (!newest)
    return {};
  const Sequence last = doubtful_ != 0 ? std::min(newest->last, doubtful_ - 1) : newest->last;
  Sequence ignored = 0;
  const Sequence from = std::max(newest->first, first_needed_);
  std::string bytes = records_again(
      {newest->slot, newest->generation, largest_segment}, generation, ignored,
      // All of them, so that there is no gap, but for what was cut off.
      [&](const Frame& frame) { return frame.sequence >= from && frame.sequence <= last; });
  if (bytes.empty() || bytes.size() > slots_.segment_bytes() / carried_share * (carried_share - 1))
    return {};
  first = from;
  return bytes;
}

SystemResult<void> JournalWriter::write_anew(const SlotTable::Taken& taken,
                                             std::uint64_t generation, Sequence first,
                                             Bytes frames) {
  const int file = taken.file.get();
  SystemResult<void> done;
  if (!taken.blank) {
    // The header of the slot's last use must not stand before other records than its own.
    done = files_.write_at(file, 0, as_bytes(header_bytes(generation, first, true)));
    if (done)
      done = files_.sync_file(file);
  }
  for (std::size_t at = 0; done && at < frames.size(); at += written_at_once)
    done = files_.write_at(file, header_size + at,
                           frames.subspan(at, std::min(written_at_once, frames.size() - at)));
  if (done)
    done = files_.sync_file(file);
  if (done)
    done = files_.write_at(file, 0, as_bytes(header_bytes(generation, first, false)));
  if (done)
    done = files_.sync_file(file);
  return done;
}

SystemResult<void> JournalWriter::begin_anew(Tried tried) {
  std::optional<Errno> of_the_disk;
  for (;;) {
    generation_ = next_generation();
    // What is not void yet begins here; sequences of an attempt that failed are never used again.
    const Sequence batch = doubtful_ != 0 ? doubtful_ : next_;
    Sequence first = batch;
    std::string frames =
        poisoned_ ? written_again(generation_, first) : carried_over(generation_, first);
    if (doubtful_ != 0) {
      const Void range{doubtful_, next_ - 1};
      encode_record(range, generation_, next_++, batch, frames);
    }
    frames += what_is_remembered(generation_, batch, {});
    doubtful_ = batch; // until it is durable
    auto taken = slots_.take(header_size + frames.size(), tried);
    if (!taken && taken.error().is_full() && slots_.retired() + 1 < first_needed_) {
      slots_.retire(first_needed_ - 1);
      continue;
    }
    if (!taken) {
      // A batch that is in doubt, or on a disk that fails, is another matter than room.
      broken_for_room_ = !of_the_disk && !poisoned_ && taken.error().is_full();
      broken_ = true;
      return std::unexpected(of_the_disk.value_or(taken.error()));
    }
    const auto written = write_anew(*taken, generation_, first, as_bytes(frames));
    if (!written) {
      slots_.finish(taken->slot, 0);
      tried.insert(taken->slot);
      of_the_disk = written.error();
      continue;
    }
    const std::uint64_t end = header_size + frames.size();
    current_ = {taken->slot, std::move(taken->file), generation_, taken->size, end, end, true};
    poisoned_.reset();
    doubtful_ = 0;
    slots_.retire(std::max(slots_.retired(), first_needed_ - 1));
    slots_.release_newest();
    broken_ = false;
    return {};
  }
}

} // namespace letterlock::queued::journal
