// Limits of strangers in a table that others share. While nobody spoils it, it says what counting
// says; whatever others write into it, nobody is refused for longer than a period or a block.
//
// The first octet chooses whether the table is all zeros or what the input has next.
#include "common/base/client_limits.h"
#include "tests/fuzz/fuzz.h"

#include <list>
#include <vector>

using namespace letterlock;
using fuzz::require;

namespace {

constexpr LimitTableShape shape{LimitTable::bucket_size, 2};
constexpr SipKey key = {1, 2, 3};
constexpr std::uint32_t most_open = 3;

struct Memory {
  std::vector<std::uint64_t> words = std::vector<std::uint64_t>(shape.size() / 8);
  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(words)); }
};

// Few enough that each has a place in the one bucket, and so have their networks.
IpAddress stranger(std::size_t which) {
  constexpr std::array<std::array<std::uint8_t, 4>, 3> strangers = {
      {{192, 0, 2, 1}, {192, 0, 2, 2}, {198, 51, 100, 1}}};
  return IpAddress::v4(strangers[which]);
}

void count(fuzz::Input& input) {
  Memory memory;
  const LimitTable table(memory.bytes(), shape, key);
  std::array<ClientLimits, 2> workers = {ClientLimits(table, 0), ClientLimits(table, 1)};
  ClientLimitSettings settings;
  settings.connections = most_open;
  std::array<std::list<ClientLimits::Visit>, 3> visits;
  ClientLimits::Time now = std::chrono::hours(1);
  while (!input.at_end()) {
    const std::uint8_t what = input.octet();
    const std::size_t which = what / 8 % 3;
    auto& open = visits[which];
    now += std::chrono::milliseconds(input.octet());
    switch (what % 4) {
    case 0:
    case 1: {
      auto visit = workers[what / 4 % 2].admit(stranger(which), settings, now);
      const std::size_t neighbours = which < 2 ? visits[0].size() + visits[1].size() : open.size();
      const bool fits =
          open.size() < most_open && neighbours < most_open * ClientLimits::network_factor;
      require(visit.has_value() == fits);
      if (visit)
        open.push_back(std::move(*visit));
      else
        require(visit.error() == ClientRefusal::too_many);
      break;
    }
    case 2:
      if (!open.empty())
        open.pop_front();
      break;
    default:
      // Forgiven, as they come so far apart.
      if (!open.empty()) {
        now += ClientLimits::forgiven_period;
        require(!open.front().offend(settings, now));
      }
    }
  }
}

void spoil(fuzz::Input& input) {
  Memory memory;
  const auto bytes = memory.bytes();
  for (std::byte& byte : bytes)
    byte = std::byte{input.octet()};
  LimitTable table(bytes, shape, key);
  const Rate rate{1 + input.octet() % 8u, std::chrono::seconds(1 + input.octet())};
  LimitTable::Time now(static_cast<std::int64_t>(input.number<std::uint64_t>() >> 2));
  while (!input.at_end()) {
    const std::uint8_t what = input.octet();
    const auto slot = table.take_slot(1 + what / 16, now);
    if (!slot)
      continue; // it is not counted
    require(*slot < shape.slots);
    static_cast<void>(table.open(*slot));
    const auto meter = static_cast<LimitTable::Meter>(what % LimitTable::meters);
    if (!table.draw(*slot, meter, rate, now))
      require(table.draw(*slot, meter, rate, now + rate.period));
    if (table.blocked(*slot, now))
      require(!table.blocked(*slot, now + LimitTable::max_block));
    if (what % 4 == 1) {
      table.count_open(*slot, 0);
      table.count_closed(*slot, 0);
    } else if (what % 4 == 2) {
      const std::chrono::minutes lasts(input.octet());
      table.block(*slot, now + lasts);
      require(table.blocked(*slot, now) == (lasts.count() > 0));
      require(!table.blocked(*slot, now + lasts));
    } else if (what % 4 == 3) {
      table.clear_column(1);
    }
    now += std::chrono::milliseconds(input.number<std::uint16_t>());
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  if (input.flag())
    spoil(input);
  else
    count(input);
  return 0;
}
