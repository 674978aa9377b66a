// DamageList: the damaged places of slots, bounded.
#pragma once

#include "queued/journal/journal_reader.h"

#include <algorithm>
#include <map>

namespace letterlock::queued::journal {

// Beyond most_damaged_places of one slot, the last place grows over what is added: a rotten slot
// does not become a flood of files and log lines.
class DamageList {
public:
  void add(std::uint32_t slot, std::uint64_t offset, std::uint64_t length, std::string why) {
    OfSlot& known = slots_[slot];
    if (known.places < most_damaged_places) {
      ++known.places;
      known.last = list_.size();
      list_.push_back({slot, offset, length, std::move(why)});
      return;
    }
    Damage& last = list_[known.last];
    const std::uint64_t begin = std::min(last.offset, offset);
    last.length = std::max(last.offset + last.length, offset + length) - begin;
    last.offset = begin;
    if (!known.said)
      last.why += ", and more";
    known.said = true;
  }
  void add_slot(std::uint32_t slot, std::string why) {
    list_.push_back({slot, 0, 0, std::move(why)});
  }
  std::vector<Damage> take() { return std::move(list_); }

private:
  struct OfSlot {
    std::size_t places = 0, last = 0;
    bool said = false;
  };
  std::vector<Damage> list_;
  std::map<std::uint32_t, OfSlot> slots_;
};

} // namespace letterlock::queued::journal
