// Finding, making and giving out slots.
#include "queued/journal/slot_table.h"

#include "queued/disk/directory.h"
#include "queued/journal/segment.h"

#include <algorithm>
#include <cerrno>

namespace letterlock::queued::journal {

namespace {

constexpr std::size_t zeros_at_once = 1u << 20;
constexpr std::size_t page = 4096;

std::string name_of(std::uint32_t slot) {
  return std::to_string(slot);
}

std::string unfinished_name_of(std::uint32_t slot) {
  return name_of(slot) + ".tmp";
}

} // namespace

SlotTable::SlotTable(FileSystem& files, int directory, std::size_t segment_bytes, std::size_t slots,
                     Sequence retired, Sequence last)
    : files_(files), directory_(directory),
      segment_bytes_(std::clamp<std::uint64_t>(segment_bytes, smallest_segment, largest_segment) /
                     page * page),
      // One is written while another one is kept.
      slots_(std::clamp<std::size_t>(slots, 2, most_slots)), retired_(retired), last_found_(last) {}

SystemResult<void> SlotTable::find() {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> unfinished;
  const auto visited = visit_directory(directory_, [&](const std::string& name, FileKind) {
    const auto slot = slot_of_name(name);
    if (slot && *slot < slots_.size())
      slots_[*slot].state = State::not_ours; // until it was looked at
    for (std::uint32_t i = 0; i < slots_.size(); ++i)
      if (name == unfinished_name_of(i))
        unfinished.push_back(name);
    return true;
  });
  if (!visited)
    return visited;
  for (std::uint32_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].state == State::not_ours)
      look_at(i);
  // What cannot be removed is nothing of ours, and its slot cannot be made.
  for (const std::string& name : unfinished)
    if (!files_.unlink(directory_, name))
      for (std::uint32_t i = 0; i < slots_.size(); ++i)
        if (name == unfinished_name_of(i) && slots_[i].state == State::absent)
          slots_[i].state = State::not_ours;
  tell_what_is_needed();
  const auto newest = std::max_element(
      slots_.begin(), slots_.end(), [](const Slot& a, const Slot& b) { return a.used < b.used; });
  newest->newest = newest->used > 0;
  uses_ = newest->used;
  return {};
}

void SlotTable::look_at(std::uint32_t number) {
  Slot& slot = slots_[number];
  const auto file = open_slot(directory_, number);
  if (!file)
    return;
  std::vector<std::byte> start(header_size);
  read_slot(file->file.get(), 0, start);
  const auto header = decode_header(start);
  if (!header && header.error() != HeaderFault::blank)
    return; // what could not be understood is not written over
  slot.state = State::idle;
  slot.size = file->size;
  slot.used = header && !header->vacated ? header->generation : 0;
  slot.first = header ? header->first : 0;
}

// A segment ends where the next one begins. One that begins no later has all that is needed of it.
void SlotTable::tell_what_is_needed() {
  std::vector<Slot*> by_age;
  for (Slot& slot : slots_)
    if (slot.used > 0)
      by_age.push_back(&slot);
  std::sort(by_age.begin(), by_age.end(),
            [](const Slot* a, const Slot* b) { return a->used < b->used; });
  for (std::size_t i = 0; i < by_age.size(); ++i) {
    const Sequence end = i + 1 < by_age.size() ? by_age[i + 1]->first : last_found_ + 1;
    by_age[i]->last = end > by_age[i]->first ? end - 1 : 0;
  }
}

void SlotTable::release_newest() {
  const std::lock_guard guard(mutex_);
  for (Slot& slot : slots_)
    slot.newest = false;
}

bool SlotTable::is_free(const Slot& slot) const {
  return slot.state == State::idle && !slot.newest && slot.last <= retired_;
}

SystemResult<SlotTable::Taken> SlotTable::take(std::uint64_t room,
                                               const std::set<std::uint32_t>& tried) {
  std::unique_lock lock(mutex_);
  for (;;) {
    std::optional<std::uint32_t> best, absent;
    bool making = false;
    for (std::uint32_t i = 0; i < slots_.size(); ++i) {
      making = making || slots_[i].state == State::making;
      if (tried.contains(i))
        continue;
      if (slots_[i].state == State::absent && !absent)
        absent = i;
      if (is_free(slots_[i]) && slots_[i].size >= room &&
          (!best || slots_[i].used < slots_[*best].used))
        best = i;
    }
    if (best) {
      auto taken = open(*best);
      if (taken) {
        slots_[*best].state = State::writing;
        slots_[*best].used = ++uses_;
        return taken;
      }
      // Somebody else was there since we looked at it. Other errors are the system's, and may pass.
      const int error = taken.error().number;
      if (error != ENOENT && error != EBADF && error != ELOOP)
        return taken;
      slots_[*best].state = error == ENOENT ? State::absent : State::not_ours;
      continue;
    }
    if (making) {
      made_.wait(lock);
      continue;
    }
    if (room > segment_bytes_)
      return std::unexpected(Errno{EFBIG});
    if (!absent)
      return std::unexpected(Errno{ENOSPC});
    if (const auto made = make(lock, *absent); !made)
      return std::unexpected(made.error());
  }
}

SystemResult<SlotTable::Taken> SlotTable::open(std::uint32_t number) {
  auto file = files_.open_file(directory_, name_of(number));
  if (!file)
    return std::unexpected(file.error());
  const auto size = slot_size(file->get());
  if (!size || *size != slots_[number].size)
    return std::unexpected(Errno{EBADF});
  return Taken{number, std::move(*file), *size, slots_[number].used == 0};
}

void SlotTable::finish(std::uint32_t slot, Sequence last) {
  const std::lock_guard guard(mutex_);
  slots_[slot].state = State::idle;
  slots_[slot].last = last;
}

SystemResult<void> SlotTable::prepare(std::size_t spare) {
  std::unique_lock lock(mutex_);
  for (;;) {
    std::size_t there = 0;
    std::optional<std::uint32_t> absent;
    bool making = false;
    for (std::uint32_t i = 0; i < slots_.size(); ++i) {
      there += is_free(slots_[i]);
      making = making || slots_[i].state == State::making;
      if (slots_[i].state == State::absent && !absent)
        absent = i;
    }
    if (there >= spare)
      return {};
    if (making) {
      made_.wait(lock);
      continue;
    }
    if (!absent)
      return {};
    if (auto made = make(lock, *absent); !made)
      return made;
  }
}

std::size_t SlotTable::free() const {
  const std::lock_guard guard(mutex_);
  return static_cast<std::size_t>(std::count_if(
      slots_.begin(), slots_.end(), [this](const Slot& slot) { return is_free(slot); }));
}

std::optional<SlotTable::Newest> SlotTable::newest_if_short(Sequence needed) const {
  const std::lock_guard guard(mutex_);
  std::optional<Newest> newest;
  std::size_t there = 0;
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    there += slot.state == State::idle && (slot.last < needed || slot.last <= retired_);
    if (slot.newest)
      newest = Newest{i, slot.used, slot.first, last_found_};
  }
  return there > 1 ? std::nullopt : newest;
}

// Without the lock while it writes.
SystemResult<void> SlotTable::make(std::unique_lock<std::mutex>& lock, std::uint32_t slot) {
  slots_[slot].state = State::making;
  lock.unlock();
  const auto made = write_zeros(slot);
  lock.lock();
  slots_[slot].state = made ? State::idle : State::absent;
  if (made)
    slots_[slot].size = segment_bytes_;
  made_.notify_all();
  return made;
}

// Under another name until it is whole: a name of a slot never stands for a part of one.
SystemResult<void> SlotTable::write_zeros(std::uint32_t slot) {
  const std::string name = unfinished_name_of(slot);
  auto file = files_.create_file(directory_, name, 0600);
  if (!file && file.error().number == EEXIST && files_.unlink(directory_, name))
    file = files_.create_file(directory_, name, 0600);
  if (!file)
    return std::unexpected(file.error());
  SystemResult<void> done;
  const std::vector<std::byte> zeros(zeros_at_once);
  for (std::uint64_t left = segment_bytes_; done && left > 0;) {
    const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(left, zeros.size()));
    done = files_.append(file->get(), Bytes(zeros).first(piece));
    left -= piece;
  }
  if (done)
    done = files_.sync_file(file->get());
  std::string known_as = name;
  if (done)
    done = files_.rename(directory_, name, directory_, name_of(slot));
  if (done) {
    known_as = name_of(slot);
    done = files_.sync_directory(directory_);
  }
  // A name that may be lost is none to commit to. What cannot be removed is found at the next
  // start.
  if (!done)
    (void)files_.unlink(directory_, known_as);
  return done;
}

void SlotTable::retire(Sequence up_to) {
  const std::lock_guard guard(mutex_);
  retired_ = std::max(retired_, up_to);
}

Sequence SlotTable::retired() const {
  const std::lock_guard guard(mutex_);
  return retired_;
}

std::size_t SlotTable::in_use() const {
  const std::lock_guard guard(mutex_);
  return static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.end(), [&](const Slot& slot) {
        return slot.state == State::writing || (slot.state == State::idle && !is_free(slot));
      }));
}

} // namespace letterlock::queued::journal
