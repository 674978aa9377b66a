// ReadAhead: a few entries, looked through one by one.
#include "pop3d/read_ahead.h"

#include <algorithm>
#include <utility>

namespace letterlock::pop3d {

// ---- What the client does

void ReadAhead::expect(std::uint32_t index) {
  add(index, true);
}

std::optional<MessageResult> ReadAhead::turn(std::uint32_t index) {
  const bool in_order = index == std::exchange(next_, index + 1);
  std::optional<MessageResult> result;
  if (Entry* const entry = find(index)) {
    if (entry->asked && !entry->message) {
      entry->turn_came = true;
    } else {
      result = std::move(entry->message);
      erase(index);
    }
  } else if (!in_order) {
    // What was read ahead for another order of reading is of no use.
    erase_if([](const Entry& e) { return !e.pipelined; });
  }
  window_ = !in_order ? 0 : long_ones_ ? 1 : std::min(std::max(1u, 2 * window_), most_ahead);
  look_further();
  return result;
}

// Asked for in batches: not before half of what is ahead was used up.
void ReadAhead::look_further() {
  const std::uint32_t end = next_ + std::min(window_, messages_ - std::min(next_, messages_));
  const auto ahead = std::count_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.index >= next_ && entry.index < end;
  });
  if (2 * static_cast<std::size_t>(ahead) > window_)
    return;
  for (std::uint32_t index = next_; index < end; ++index)
    add(index, false);
}

// ---- What the store does

bool ReadAhead::asked(std::uint32_t index) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [index](const Entry& e) { return e.index == index && e.asked; });
}

std::vector<std::uint32_t> ReadAhead::wanted() {
  std::vector<std::uint32_t> indices;
  for (Entry& entry : entries_) {
    if (entry.asked)
      continue;
    const bool one_is_ahead = std::any_of(entries_.begin(), entries_.end(),
                                          [](const Entry& e) { return e.asked && !e.turn_came; });
    if (long_ones_ && one_is_ahead)
      break;
    entry.asked = true;
    indices.push_back(entry.index);
  }
  return indices;
}

std::optional<MessageResult> ReadAhead::arrived(std::uint32_t index, MessageResult result) {
  if (result)
    long_ones_ = std::holds_alternative<MessageFile>(result->content);
  Entry* const entry = find(index);
  if (entry == nullptr || !entry->asked || entry->message)
    return result;
  const bool for_later =
      result ? !long_ones_ || !holds_a_file() : result.error() != pop3::ReadFault::temporary;
  if (!entry->turn_came && for_later) {
    entry->message = std::move(result);
    return std::nullopt;
  }
  const bool turn_came = entry->turn_came;
  erase(index);
  if (!turn_came)
    return std::nullopt; // it is asked for again when its turn comes
  return result;
}

void ReadAhead::clear() {
  erase_if([](const Entry&) { return true; });
}

// ---- Entries

ReadAhead::Entry* ReadAhead::find(std::uint32_t index) {
  const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                  [index](const Entry& e) { return e.index == index; });
  return entry == entries_.end() ? nullptr : &*entry;
}

void ReadAhead::add(std::uint32_t index, bool pipelined) {
  if (Entry* const entry = find(index)) {
    entry->pipelined = entry->pipelined || pipelined;
    return;
  }
  if (entries_.size() >= most_ahead || !budget_.take())
    return;
  Entry& entry = entries_.emplace_back();
  entry.index = index;
  entry.pipelined = pipelined;
}

void ReadAhead::erase(std::uint32_t index) {
  erase_if([index](const Entry& entry) { return entry.index == index; });
}

template <class Condition> void ReadAhead::erase_if(Condition condition) {
  for (std::size_t erased = std::erase_if(entries_, condition); erased > 0; --erased)
    budget_.give_back();
}

bool ReadAhead::holds_a_file() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) {
    return entry.message && *entry.message &&
           std::holds_alternative<MessageFile>((*entry.message)->content);
  });
}

} // namespace letterlock::pop3d
