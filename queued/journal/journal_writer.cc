// Batches, and rolling from segment to segment.
#include "queued/journal/journal_writer.h"

#include "common/base/error.h"

#include <algorithm>
#include <cerrno>

namespace letterlock::queued::journal {

namespace {

constexpr std::uint64_t generation_step = std::uint64_t{1}
                                          << 36; // see docs/spool.md, "Generations"
// Of a segment, that ordinary records leave to those that free slots: with the journal full, there
// is still room to say that it is not.
constexpr std::uint64_t upkeep_share = 16, upkeep_bytes = 64 * 1024;
// Of the last segment, that removals leave to those; and of one that a start has begun, that mail
// leaves to both.
constexpr std::uint64_t kept_share = 4, share_without_mail = 2;
// Of a small segment, that Seen may take.
constexpr std::uint64_t seen_share = 8;
constexpr std::size_t void_bytes = frame_size + 16, list_bytes = frame_size + 8, entry_bytes = 16;

std::string no_slot(Errno error) {
  return Error::system("no slot of the journal is free", error.number).text;
}

} // namespace

JournalWriter::JournalWriter(FileSystem& files, int directory, const WriterStart& start,
                             std::function<std::int64_t()> now)
    : files_(files), directory_(directory), life_(start.life),
      first_needed_(std::min(start.retired, start.sequence)), now_(std::move(now)),
      most_slots_(start.slots),
      slots_(files, directory, start.segment_bytes, start.slots,
             std::clamp<Sequence>(start.durably_retired, 1, first_needed_) - 1, start.sequence - 1),
      generation_(start.generation - 1), next_(start.sequence) {
  remembered_.note(ToRemember{start.seen, start.positions});
  if (start.cut_from != 0 && start.cut_from < start.sequence)
    doubtful_ = start.cut_from;
}

SystemResult<std::unique_ptr<JournalWriter>>
JournalWriter::start(FileSystem& files, int directory, const WriterStart& start,
                     std::function<std::int64_t()> now) {
  std::unique_ptr<JournalWriter> writer(new JournalWriter(files, directory, start, std::move(now)));
  if (const auto found = writer->slots_.find(); !found)
    return std::unexpected(found.error());
  if (const auto begun = writer->begin_anew({}); !begun && !begun.error().is_full())
    return std::unexpected(begun.error());
  return writer;
}

std::uint64_t JournalWriter::next_generation() const {
  std::uint64_t step = 0;
  for (const std::uint8_t byte : Id128::random().bytes)
    step = step << 8 | byte;
  return generation_ + 1 + step % generation_step;
}

// ---- What is kept free at the end of a segment

std::size_t JournalWriter::most_seen_here() const {
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(most_seen, slots_.segment_bytes() / seen_share / entry_bytes));
}

// What a Void, a Seen and a Positions need behind the present batch, should this segment have to be
// written again into another one.
std::uint64_t JournalWriter::closing_room() const {
  const std::size_t seen =
      std::min(most_seen_here(), remembered_.transactions() + lazily_.transactions.size() +
                                     batch_.to_remember.transactions.size());
  const std::size_t mailboxes =
      remembered_.mailboxes() + lazily_.positions.size() + batch_.to_remember.positions.size();
  return void_bytes + 2 * list_bytes + (seen + mailboxes) * entry_bytes;
}

std::uint64_t JournalWriter::upkeep_room() const {
  return std::min(upkeep_bytes, slots_.segment_bytes() / upkeep_share);
}

bool JournalWriter::fits_in_current() const {
  return current_.file && current_.end + batch_.bytes.size() + closing_room() +
                                  (batch_.only_upkeep ? 0 : upkeep_room()) <=
                              current_.size;
}

// ---- A batch

Sequence JournalWriter::add(const Record& record) {
  const Sequence sequence = next_++;
  if (batch_.added.empty())
    batch_.first = sequence;
  const std::size_t offset = batch_.bytes.size();
  encode_record(record, current_.generation, sequence, unsynced_ != 0 ? unsynced_ : batch_.first,
                batch_.bytes);
  batch_.added.push_back({offset, batch_.bytes.size() - offset});
  batch_.only_upkeep = batch_.only_upkeep && (std::holds_alternative<Materialised>(record) ||
                                              std::holds_alternative<Retire>(record));
  batch_.to_remember.gather(record);
  return sequence;
}

void JournalWriter::empty_batch() {
  batch_.bytes.clear();
  batch_.added.clear();
  batch_.only_upkeep = true;
  batch_.to_remember.clear();
}

void JournalWriter::discard() {
  if (!batch_.added.empty())
    next_ = batch_.first;
  empty_batch();
}

BatchError JournalWriter::refused(BatchFault fault, std::string text) {
  discard();
  return {fault, std::move(text)};
}

SystemResult<void> JournalWriter::append_batch(bool sync) {
  auto done = files_.write_at(current_.file.get(), current_.end, as_bytes(batch_.bytes));
  return done && sync ? files_.sync_file(current_.file.get()) : done;
}

std::vector<Place> JournalWriter::committed(std::uint64_t offset) {
  std::vector<Place> places;
  places.reserve(batch_.added.size());
  for (const Added& one : batch_.added)
    places.push_back({current_.slot, current_.generation, offset + one.offset,
                      static_cast<std::uint32_t>(one.length)});
  remembered_.note(lazily_);
  remembered_.note(batch_.to_remember);
  lazily_.clear();
  unsynced_ = 0;
  empty_batch();
  return places;
}

SystemResult<void> JournalWriter::keep_slots_for(Room room) {
  const std::size_t keep = slots_to_keep(most_slots_);
  if (room == Room::all || keep == 0)
    return {};
  const bool fits = fits_in_current();
  const std::size_t needed = fits || room == Room::removals ? keep : keep + 1;
  // Those that could be made do not count: the disk may become full.
  const auto prepared = slots_.prepare(needed);
  const auto leaves = [&](std::uint64_t share) {
    return current_.end + batch_.bytes.size() <= current_.size - current_.size / share;
  };
  if (slots_.free() >= needed || (fits && room == Room::removals && leaves(kept_share)) ||
      (fits && current_.is_first && leaves(share_without_mail)))
    return {};
  return prepared ? std::unexpected(Errno{ENOSPC}) : prepared;
}

std::expected<std::vector<Place>, BatchError> JournalWriter::commit(Room room) {
  if (batch_.added.empty())
    return std::vector<Place>{};
  if (broken_ && broken_for_room_)
    return std::unexpected(refused(BatchFault::full, "there is no room for the journal"));
  if (broken_)
    return std::unexpected(refused(BatchFault::broken, "the journal is broken"));
  if (const auto kept = keep_slots_for(room); !kept)
    return std::unexpected(refused(BatchFault::full, no_slot(kept.error())));
  return fits_in_current() ? commit_to_current() : commit_to_new_segment();
}

std::expected<std::vector<Place>, BatchError> JournalWriter::commit_to_current() {
  if (const auto written = append_batch(true); !written)
    return std::unexpected(failed("the journal cannot be written", written.error(), {}));
  const std::uint64_t offset = current_.end;
  current_.end += batch_.bytes.size();
  current_.synced = current_.end;
  return committed(offset);
}

std::expected<void, BatchError> JournalWriter::write_lazily() {
  if (!batch_.added.empty() && !broken_ && fits_in_current()) {
    if (const auto written = append_batch(false); !written)
      return std::unexpected(failed("the journal cannot be written", written.error(), {}));
    current_.end += batch_.bytes.size();
    if (unsynced_ == 0)
      unsynced_ = batch_.first;
    const ToRemember& held = batch_.to_remember;
    lazily_.transactions.insert(lazily_.transactions.end(), held.transactions.begin(),
                                held.transactions.end());
    lazily_.positions.insert(lazily_.positions.end(), held.positions.begin(), held.positions.end());
    empty_batch();
    return {};
  }
  if (auto done = commit(); !done)
    return std::unexpected(std::move(done.error()));
  return {};
}

// ---- The next segment

std::string JournalWriter::header_bytes(std::uint64_t generation, Sequence first,
                                        bool vacated) const {
  SegmentHeader header;
  header.generation = generation;
  header.life = life_;
  header.first = first;
  header.retired = std::min(std::max(slots_.retired() + 1, first_needed_), first);
  header.time = now_();
  header.vacated = vacated;
  const auto page = encode_header(header);
  return std::string(as_text(page));
}

// Seen and Positions, as they are with MORE, in frames.
std::string JournalWriter::what_is_remembered(std::uint64_t generation, Sequence batch,
                                              const ToRemember& more) {
  Remembered now = remembered_;
  now.note(more);
  std::string bytes;
  encode_record(now.seen(most_seen_here()), generation, next_++, batch, bytes);
  encode_record(now.positions(), generation, next_++, batch, bytes);
  return bytes;
}

void JournalWriter::finish_current(Sequence last) {
  current_.file.reset();
  slots_.finish(current_.slot, last);
  const std::lock_guard guard(mutex_);
  segment_full_ = true;
  full_up_to_ = last;
}

std::expected<std::vector<Place>, BatchError> JournalWriter::commit_to_new_segment() {
  // A segment that has a successor is durable as a whole.
  if (unsynced_ != 0) {
    if (const auto synced = files_.sync_file(current_.file.get()); !synced)
      return std::unexpected(failed("the journal cannot be synced", synced.error(), {}));
    current_.synced = current_.end;
    remembered_.note(lazily_);
    lazily_.clear();
    unsynced_ = 0;
  }
  // The closing room twice: for the first batch, and should it have to be written again.
  const std::uint64_t room = header_size + batch_.bytes.size() + 2 * closing_room() + upkeep_room();
  auto taken = slots_.take(room, {});
  if (!taken) {
    // What frees slots may use the last octet.
    if (batch_.only_upkeep && current_.end + batch_.bytes.size() <= current_.size) {
      restamp(batch_.bytes, current_.generation, batch_.first);
      return commit_to_current();
    }
    return std::unexpected(refused(BatchFault::full, taken.error().number == EFBIG
                                                         ? "a batch of " +
                                                               std::to_string(batch_.bytes.size()) +
                                                               " octets is too long for a segment"
                                                         : no_slot(taken.error())));
  }
  generation_ = next_generation();
  restamp(batch_.bytes, generation_, batch_.first);
  std::string bytes = header_bytes(generation_, batch_.first, false);
  bytes += batch_.bytes;
  bytes += what_is_remembered(generation_, batch_.first, batch_.to_remember);
  auto written = files_.write_at(taken->file.get(), 0, as_bytes(bytes));
  if (written)
    written = files_.sync_file(taken->file.get());
  finish_current(batch_.first - 1);
  if (!written) {
    slots_.finish(taken->slot, 0);
    return std::unexpected(
        failed("a new segment cannot be written", written.error(), {taken->slot}));
  }
  current_ = {taken->slot,  std::move(taken->file), generation_, taken->size,
              bytes.size(), bytes.size(),           false};
  return committed(header_size);
}

// ---- For the loop

void JournalWriter::retire(Sequence up_to) {
  slots_.retire(up_to);
  const std::lock_guard guard(mutex_);
  if (up_to >= full_up_to_)
    segment_full_ = false;
}

JournalWriter::Use JournalWriter::use() const {
  Use use;
  use.slots = slots_.in_use();
  use.broken = broken_;
  const std::lock_guard guard(mutex_);
  use.segment_full = segment_full_;
  use.full_up_to = full_up_to_;
  return use;
}

} // namespace letterlock::queued::journal
