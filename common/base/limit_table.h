// LimitTable: what all workers of a role together count about strangers, in memory that they share.
//
// A hash table of fixed size without pointers. A slot belongs to one name (an address, a network)
// and has, for each worker, a column with what that worker has open, and a few meters that all
// share. Only the worker itself writes into its column, so what a worker that died had open is
// forgotten by clearing its column, which the parent does. Slots are taken by whoever needs one;
// one that nobody needs gives way, the longest unused first.
//
// Other processes may write anything at any time: all that is read here is a hint, used for nothing
// but limits. No value makes a call fail or wait long, or refuse somebody for longer than a meter's
// period or max_block; an invented number of open things stands until its column is cleared. Two
// workers that touch the same slot at the same moment may count one more or less.
//
// Times are those of a monotonic clock that all workers share.
#pragma once

#include "common/base/rate.h"
#include "common/base/siphash.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace letterlock {

struct LimitTableShape {
  std::uint32_t slots = 0;   // a multiple of LimitTable::bucket_size
  std::uint16_t columns = 0; // workers

  // Bytes of memory.
  std::size_t size() const;
};

class LimitTable {
public:
  using Time = std::chrono::nanoseconds; // since the clock's beginning
  using Slot = std::uint32_t;
  using Name = std::uint64_t;
  enum class Meter : std::uint8_t { connections, messages, offences };
  static constexpr std::size_t meters = 3;
  // A name has its place in one bucket only.
  static constexpr std::uint32_t bucket_size = 8;
  static constexpr std::chrono::hours max_block{24};

  // MEMORY has the shape's size, is aligned for 64-bit words and outlives the table; it was all
  // zeros when the first table was laid upon it. All tables upon it have the same shape and key.
  LimitTable(std::span<std::byte> memory, const LimitTableShape& shape, const SipKey& key);

  // What the table knows somebody by. Never 0.
  Name name_of(std::span<const std::uint8_t> bytes) const;

  // The slot of that name, a fresh one if it has none. None if every slot of its bucket has
  // something open: then it is not counted. While nothing is open in it a slot may be given to
  // another name.
  std::optional<Slot> take_slot(Name name, Time now);

  // What is open, in all columns.
  std::uint32_t open(Slot slot) const;
  void count_open(Slot slot, std::uint16_t column);
  void count_closed(Slot slot, std::uint16_t column);
  // Nothing is open in that column any more: its worker has ended.
  void clear_column(std::uint16_t column);

  // Uses one of the rate; false, and nothing is used, if there is none left.
  bool draw(Slot slot, Meter meter, const Rate& rate, Time now);
  // Until that time blocked() is true; not for longer than max_block.
  void block(Slot slot, Time until);
  bool blocked(Slot slot, Time now) const;

private:
  struct Words {
    std::uint64_t name;
    // When each meter will be empty, in nanoseconds.
    std::array<std::uint64_t, meters> full_until;
    std::uint64_t blocked_until;
  };

  std::uint32_t& cell(Slot slot, std::uint16_t column) const {
    return cells_[std::size_t{column} * shape_.slots + slot];
  }
  bool idle(Slot slot, Time now) const;
  std::optional<Slot> find_unused(Slot first, Time now) const;

  friend struct LimitTableShape;

  LimitTableShape shape_;
  SipKey key_;
  std::span<Words> words_;
  std::span<std::uint32_t> cells_; // column by column
};

} // namespace letterlock
