// Words that several processes read and write, without locks.
#include "common/base/limit_table.h"

#include <algorithm>

namespace letterlock {

namespace {

// Not std::atomic: the memory is plain bytes that no process constructs anything in, and libc++ 16
// has no std::atomic_ref. Nothing is published by one word for another, so no order is asked for.
template <class T> T load(const T& word) {
  static_assert(__atomic_always_lock_free(sizeof(T), nullptr));
  return __atomic_load_n(&word, __ATOMIC_RELAXED);
}
template <class T> void store(T& word, T value) {
  __atomic_store_n(&word, value, __ATOMIC_RELAXED);
}
template <class T> bool exchange(T& word, T& expected, T value) {
  return __atomic_compare_exchange_n(&word, &expected, value, false, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED);
}

// Against processes that write the same word all the time.
constexpr int attempts = 8;

std::uint64_t nanoseconds(LimitTable::Time time) {
  return static_cast<std::uint64_t>(std::max<LimitTable::Time::rep>(time.count(), 0));
}

} // namespace

std::size_t LimitTableShape::size() const {
  return std::size_t{slots} *
         (sizeof(LimitTable::Words) + std::size_t{columns} * sizeof(std::uint32_t));
}

LimitTable::LimitTable(std::span<std::byte> memory, const LimitTableShape& shape, const SipKey& key)
    : shape_(shape), key_(key), words_(reinterpret_cast<Words*>(memory.data()), shape.slots),
      cells_(reinterpret_cast<std::uint32_t*>(memory.data() + words_.size_bytes()),
             std::size_t{shape.slots} * shape.columns) {}

LimitTable::Name LimitTable::name_of(std::span<const std::uint8_t> bytes) const {
  const Name name = siphash(key_, bytes);
  return name != 0 ? name : 1; // 0 is nobody
}

std::optional<LimitTable::Slot> LimitTable::take_slot(Name name, Time now) {
  const auto buckets = shape_.slots / bucket_size;
  const Slot first = static_cast<Slot>(name % buckets) * bucket_size;
  for (Slot slot = first; slot < first + bucket_size; ++slot)
    if (load(words_[slot].name) == name)
      return slot;
  for (int i = 0; i < attempts; ++i) {
    const auto slot = find_unused(first, now);
    if (!slot)
      return std::nullopt;
    Words& words = words_[*slot];
    Name before = load(words.name);
    if (!exchange(words.name, before, name))
      continue;
    for (auto& meter : words.full_until)
      store(meter, std::uint64_t{0});
    store(words.blocked_until, std::uint64_t{0});
    return slot;
  }
  return std::nullopt;
}

// One that is nobody's or idle; else the one with nothing open that will be idle soonest.
std::optional<LimitTable::Slot> LimitTable::find_unused(Slot first, Time now) const {
  std::optional<Slot> best;
  std::uint64_t best_until = 0;
  for (Slot slot = first; slot < first + bucket_size; ++slot) {
    const Words& words = words_[slot];
    if (load(words.name) == 0)
      return slot;
    if (open(slot) != 0)
      continue;
    std::uint64_t until = load(words.blocked_until);
    for (const auto& meter : words.full_until)
      until = std::max(until, load(meter));
    if (until <= nanoseconds(now))
      until = 0;
    if (!best || until < best_until) {
      best = slot;
      best_until = until;
    }
  }
  return best;
}

std::uint32_t LimitTable::open(Slot slot) const {
  std::uint64_t sum = 0;
  for (std::uint16_t column = 0; column < shape_.columns; ++column)
    sum += load(cell(slot, column));
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, UINT32_MAX));
}

// Nobody else writes into the column while its worker lives, so this needs no exchange.
void LimitTable::count_open(Slot slot, std::uint16_t column) {
  store(cell(slot, column), load(cell(slot, column)) + 1);
}

void LimitTable::count_closed(Slot slot, std::uint16_t column) {
  if (const std::uint32_t count = load(cell(slot, column)); count > 0)
    store(cell(slot, column), count - 1);
}

void LimitTable::clear_column(std::uint16_t column) {
  for (Slot slot = 0; slot < shape_.slots; ++slot)
    if (load(cell(slot, column)) != 0)
      store(cell(slot, column), std::uint32_t{0});
}

// A bucket that fills by one drop for each use and leaks one in each interval; what is kept is when
// it will be empty.
bool LimitTable::draw(Slot slot, Meter meter, const Rate& rate, Time now) {
  const std::uint64_t time = nanoseconds(now);
  const std::uint64_t period = nanoseconds(rate.period);
  const std::uint64_t interval = period / rate.count;
  std::uint64_t& word = words_[slot].full_until[static_cast<std::size_t>(meter)];
  for (int i = 0; i < attempts; ++i) {
    std::uint64_t before = load(word);
    // No fuller than full: it is of a slower rate than this one, or somebody's invention.
    const std::uint64_t begins = before > time + period ? time : std::max(before, time);
    if (begins + interval > time + period)
      return false;
    if (exchange(word, before, begins + interval))
      return true;
  }
  return true;
}

void LimitTable::block(Slot slot, Time until) {
  store(words_[slot].blocked_until, nanoseconds(until));
}

bool LimitTable::blocked(Slot slot, Time now) const {
  const std::uint64_t until = load(words_[slot].blocked_until);
  return until > nanoseconds(now) && until - nanoseconds(now) <= nanoseconds(max_block);
}

} // namespace letterlock
