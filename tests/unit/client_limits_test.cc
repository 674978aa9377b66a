// What strangers may have: the hash behind the table, the table, and the limits that it counts for.
#include "common/base/client_limits.h"
#include "common/os/shared_memory.h"
#include "tests/unit/forked.h"

#include <sys/mman.h>

#include <cstring>
#include <deque>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/check.h" // last: its fail() is a macro

using namespace letterlock;
using namespace std::chrono_literals;

namespace {

constexpr SipKey key = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

void siphash_is_the_published_one(void**) {
  std::array<std::uint8_t, 15> message;
  std::iota(message.begin(), message.end(), std::uint8_t{0});
  assert_true(siphash(key, message) == 0xa129ca6149be45e5u); // appendix A of the paper
  assert_true(siphash(key, {}) == 0x726fdb47dd0e0e31u);
}

// A table in memory of its own; further ones may be laid upon it.
struct Memory {
  explicit Memory(std::uint32_t slots = 64, std::uint16_t columns = 3)
      : shape{slots, columns}, words((shape.size() + 7) / 8) {}
  LimitTable table() {
    return {std::as_writable_bytes(std::span(words)).first(shape.size()), shape, key};
  }
  LimitTableShape shape;
  std::vector<std::uint64_t> words;
};

LimitTable::Name name(LimitTable& table, std::string_view text) {
  return table.name_of({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

void columns_add_up_and_are_cleared(void**) {
  Memory memory;
  auto table = memory.table(), of_another_worker = memory.table();
  const auto slot = *table.take_slot(name(table, "a"), 0ns);
  assert_true(of_another_worker.take_slot(name(table, "a"), 0ns) == slot);
  table.count_open(slot, 0);
  table.count_open(slot, 0);
  of_another_worker.count_open(slot, 1);
  assert_int_equal(table.open(slot), 3);
  table.count_closed(slot, 0);
  assert_int_equal(of_another_worker.open(slot), 2);
  table.clear_column(1);
  assert_int_equal(table.open(slot), 1);
  of_another_worker.count_closed(slot, 1); // as if it had not died after all
  assert_int_equal(table.open(slot), 1);
}

void a_full_bucket_gives_the_longest_unused_slot_away(void**) {
  Memory memory(LimitTable::bucket_size);
  auto table = memory.table();
  std::vector<LimitTable::Slot> slots;
  for (char c = 'a'; slots.size() < LimitTable::bucket_size; ++c)
    slots.push_back(*table.take_slot(name(table, {&c, 1}), 0ns));
  assert_int_equal(std::set(slots.begin(), slots.end()).size(), LimitTable::bucket_size);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (i != 2 && i != 5)
      table.count_open(slots[i], 0);
    assert_true(table.draw(slots[i], LimitTable::Meter::messages, {1, 10min + i * 1min}, 0ns));
  }
  assert_true(table.take_slot(name(table, "x"), 1ns) == slots[2]);
  table.count_open(slots[2], 0);
  // Nothing is left over of who had it before.
  assert_true(table.draw(slots[2], LimitTable::Meter::messages, {1, 1s}, 1ns));
  assert_true(table.take_slot(name(table, "y"), 1ns) == slots[5]);
  table.count_open(slots[5], 0);
  assert_false(table.take_slot(name(table, "z"), 1ns).has_value());
  assert_true(table.take_slot(name(table, "y"), 1ns) == slots[5]);
}

void a_rate_is_used_up_and_comes_back(void**) {
  Memory memory;
  auto table = memory.table();
  const auto slot = *table.take_slot(name(table, "a"), 0ns);
  const Rate rate{4, 20s};
  LimitTable::Time now = 1000s;
  const auto draw = [&] { return table.draw(slot, LimitTable::Meter::connections, rate, now); };
  for (int i = 0; i < 4; ++i)
    assert_true(draw());
  assert_false(draw());
  now += 4999ms;
  assert_false(draw());
  now += 1ms;
  assert_true(draw());
  assert_false(draw());
  now += 1h;
  for (int i = 0; i < 4; ++i)
    assert_true(draw());
  assert_false(draw());
  // Each meter has its own.
  assert_true(table.draw(slot, LimitTable::Meter::messages, rate, now));
}

// Another process may write what it likes: nobody is refused for ever, and nothing breaks.
void garbage_in_the_memory_is_forgotten(void**) {
  for (const int garbage : {0xff, 0x7f, 0x80, 0x01}) {
    Memory memory;
    auto table = memory.table();
    const auto before = *table.take_slot(name(table, "a"), 0s);
    auto* const words = reinterpret_cast<char*>(memory.words.data());
    const std::string kept(words, 8 * memory.words.size());
    std::memset(words, garbage, kept.size());
    static_cast<void>(table.take_slot(name(table, "b"), 1000s));
    // The name is the first word of a slot's five.
    std::memcpy(words + before * 40, kept.data() + before * 40, 8);
    assert_true(table.take_slot(name(table, "a"), 1000s) == before);
    static_cast<void>(table.open(before));
    assert_false(table.blocked(before, 1000s));
    table.draw(before, LimitTable::Meter::messages, {1, 1s}, 1000s);
    assert_true(table.draw(before, LimitTable::Meter::messages, {1, 1s}, 1001s));
    for (std::uint16_t column = 0; column < memory.shape.columns; ++column)
      table.clear_column(column);
    const auto slot = *table.take_slot(name(table, "a"), 2000s);
    assert_int_equal(table.open(slot), 0);
    assert_false(table.blocked(slot, 2000s));
    // A block of a century is none.
    table.block(slot, 1'000'000h);
    assert_false(table.blocked(slot, 2000s));
    table.block(slot, 2001s);
    assert_true(table.blocked(slot, 2000s));
    assert_false(table.blocked(slot, 2001s));
  }
}

void many_names_find_their_slots_again(void**) {
  Memory memory(8192, 1);
  auto table = memory.table();
  std::vector<std::pair<LimitTable::Name, LimitTable::Slot>> taken;
  std::size_t without = 0;
  for (int i = 0; i < 2000; ++i) { // a quarter of the slots, as the parent makes tables
    const auto n = name(table, std::to_string(i));
    if (const auto slot = table.take_slot(n, 0ns)) {
      table.count_open(*slot, 0);
      taken.emplace_back(n, *slot);
    } else {
      ++without;
    }
  }
  assert_true(without < 20);
  for (const auto& [n, slot] : taken) {
    assert_true(table.take_slot(n, 0ns) == slot);
    assert_int_equal(table.open(slot), 1);
  }
}

// ---- Limits

IpAddress address(std::string_view text) {
  return *IpAddress::parse(text);
}

struct Limits : Memory {
  explicit Limits(std::uint32_t slots = 1024) : Memory(slots) {}
  ClientLimits worker(std::uint16_t column) { return {table(), column}; }
};

void connections_of_an_address_are_limited_across_workers(void**) {
  Limits memory;
  auto first = memory.worker(0), second = memory.worker(1);
  const ClientLimitSettings settings{.connections = 3};
  std::deque<ClientLimits::Visit> visits;
  for (int i = 0; i < 3; ++i)
    visits.push_back(*(i % 2 == 0 ? first : second).admit(address("192.0.2.1"), settings, 0ns));
  for (auto* const worker : {&first, &second})
    assert_true(worker->admit(address("192.0.2.1"), settings, 0ns).error() ==
                ClientRefusal::too_many);
  assert_true(first.admit(address("192.0.2.2"), settings, 0ns).has_value());
  visits.pop_front();
  assert_true(second.admit(address("192.0.2.1"), settings, 0ns).has_value());
  // Refused and ended ones left nothing behind.
  visits.clear();
  for (int i = 0; i < 3; ++i)
    visits.push_back(*first.admit(address("192.0.2.1"), settings, 0ns));
}

void a_network_has_four_times_as_much(void**) {
  struct {
    std::string_view prefix, neighbour, stranger;
  } const rows[] = {
      {"192.0.2.", "192.0.2.77", "192.0.3.1"},
      {"2001:db8:1:", "2001:db8:1:77::1", "2001:db8:2::1"},
  };
  for (const auto& row : rows) {
    Limits memory;
    auto limits = memory.worker(0);
    const ClientLimitSettings settings{.connections = 2};
    std::deque<ClientLimits::Visit> visits;
    for (int i = 1; i <= 4; ++i)
      for (int j = 0; j < 2; ++j) {
        auto text = std::string(row.prefix) + std::to_string(i);
        if (text.find(':') != std::string::npos)
          text += "::" + std::to_string(j + 1); // within the same /64
        visits.push_back(*limits.admit(address(text), settings, 0ns));
      }
    assert_true(limits.admit(address(row.neighbour), settings, 0ns).error() ==
                ClientRefusal::too_many);
    assert_true(limits.admit(address(row.stranger), settings, 0ns).has_value());
  }
}

void an_ipv6_address_is_its_whole_64(void**) {
  Limits memory;
  auto limits = memory.worker(0);
  const ClientLimitSettings settings{.connections = 1};
  const auto visit = limits.admit(address("2001:db8::1"), settings, 0ns);
  assert_true(visit.has_value());
  assert_true(limits.admit(address("2001:db8::ffff:1"), settings, 0ns).error() ==
              ClientRefusal::too_many);
  assert_true(limits.admit(address("2001:db8:0:1::1"), settings, 0ns).has_value());
}

void connections_and_messages_have_rates(void**) {
  Limits memory;
  auto limits = memory.worker(0);
  const ClientLimitSettings settings{.new_connections = Rate{2, 1min}, .messages = Rate{3, 1h}};
  assert_true(limits.admit(address("192.0.2.1"), settings, 0s).has_value());
  auto visit = limits.admit(address("192.0.2.1"), settings, 0s);
  assert_true(limits.admit(address("192.0.2.1"), settings, 0s).error() == ClientRefusal::too_fast);
  assert_true(limits.admit(address("192.0.2.1"), settings, 30s).has_value());
  for (int i = 0; i < 3; ++i)
    assert_true(visit->admit_message(settings, 0s));
  assert_false(visit->admit_message(settings, 19min));
  assert_true(visit->admit_message(settings, 20min));
  assert_true(visit->admit_message(ClientLimitSettings{}, 20min));
}

void offences_lock_out_for_a_while(void**) {
  Limits memory;
  auto limits = memory.worker(0);
  const ClientLimitSettings settings;
  auto visit = limits.admit(address("192.0.2.1"), settings, 0s);
  for (int i = 0; i < 10; ++i)
    assert_false(visit->offend(settings, 0s));
  assert_true(visit->offend(settings, 1s));
  assert_true(limits.admit(address("192.0.2.1"), settings, 2s).error() ==
              ClientRefusal::locked_out);
  assert_true(limits.admit(address("192.0.2.2"), settings, 2s).has_value());
  assert_true(limits.admit(address("192.0.2.1"), settings, 601s).has_value());
  // What was forgiven before is not forgotten yet: ten minutes' worth has leaked away.
  for (int i = 0; i < 5; ++i)
    assert_false(visit->offend(settings, 601s));
  assert_true(visit->offend(settings, 601s));
}

void a_network_is_locked_out_after_four_times_as_many(void**) {
  Limits memory;
  auto limits = memory.worker(0);
  const ClientLimitSettings settings;
  for (int i = 1; i <= 5; ++i) {
    auto visit = limits.admit(address("192.0.2." + std::to_string(i)), settings, 0s);
    for (int j = 0; j < (i < 5 ? 10 : 1); ++j)
      assert_int_equal(visit->offend(settings, 0s), i == 5);
  }
  assert_true(limits.admit(address("192.0.2.77"), settings, 1s).error() ==
              ClientRefusal::locked_out);
  assert_true(limits.admit(address("192.0.3.77"), settings, 1s).has_value());
}

void one_address_does_not_lock_its_network_out(void**) {
  Limits memory;
  auto limits = memory.worker(0);
  const ClientLimitSettings settings;
  int lockouts = 0;
  for (int hour = 0; hour < 3; ++hour) {
    const auto now = std::chrono::hours(hour);
    std::deque<ClientLimits::Visit> visits;
    for (int i = 0; i < 50; ++i)
      visits.push_back(*limits.admit(address("192.0.2.1"), settings, now));
    for (auto& visit : visits)
      lockouts += visit.offend(settings, now);
    assert_true(limits.admit(address("192.0.2.1"), settings, now + 1s).error() ==
                ClientRefusal::locked_out);
    assert_true(limits.admit(address("192.0.2.77"), settings, now + 1s).has_value());
  }
  assert_int_equal(lockouts, 3);
}

void this_host_and_a_lockout_of_nothing_forgive_everything(void**) {
  Limits memory;
  auto limits = memory.worker(0);
  ClientLimitSettings settings;
  auto here = limits.admit(address("127.0.0.1"), settings, 0s);
  for (int i = 0; i < 100; ++i)
    assert_false(here->offend(settings, 0s));
  settings.lockout = 0s;
  auto visit = limits.admit(address("192.0.2.1"), settings, 0s);
  for (int i = 0; i < 100; ++i)
    assert_false(visit->offend(settings, 0s));
}

void a_table_that_is_full_limits_nobody(void**) {
  Limits memory(LimitTable::bucket_size);
  auto limits = memory.worker(0);
  const ClientLimitSettings settings{.connections = 1};
  std::deque<ClientLimits::Visit> visits;
  for (int i = 0; i < 20; ++i)
    visits.push_back(*limits.admit(address("192.0." + std::to_string(i) + ".1"), settings, 0ns));
  assert_true(limits.admit(address("192.0.0.1"), settings, 0ns).error() == ClientRefusal::too_many);
  visits.clear();
  assert_true(limits.admit(address("192.0.0.1"), settings, 0ns).has_value());
}

// ---- Shared memory

void processes_count_together(void**) {
  const LimitTableShape shape{64, 2};
  auto ours = os::SharedMemory::make(shape.size());
  assert_true(ours.has_value());
  const ClientLimitSettings settings{.connections = 1};
  const Fate fate = run_forked([&] {
    auto theirs = os::SharedMemory::map(ours->descriptor(), shape.size());
    if (!theirs)
      return 1;
    ClientLimits limits(LimitTable(theirs->bytes(), shape, key), 1);
    auto visit = limits.admit(address("192.0.2.1"), settings, 0ns);
    if (!visit)
      return 2;
    ::_exit(0); // without leaving
  });
  assert_text_equal(fate.text(), "exit 0");
  LimitTable table(ours->bytes(), shape, key);
  ClientLimits limits(table, 0);
  assert_true(limits.admit(address("192.0.2.1"), settings, 0ns).error() == ClientRefusal::too_many);
  table.clear_column(1);
  assert_true(limits.admit(address("192.0.2.1"), settings, 0ns).has_value());
}

void nobody_can_cut_the_memory_off(void**) {
  auto memory = os::SharedMemory::make(8192);
  assert_true(memory.has_value());
  assert_int_equal(::ftruncate(memory->descriptor().get(), 0), -1);
  assert_int_equal(::ftruncate(memory->descriptor().get(), 1 << 20), -1);
  assert_true(os::is_shared_memory(memory->descriptor().get()));
  assert_false(os::SharedMemory::map(memory->descriptor(), 4096).has_value());
  const UniqueFd unsealed(::memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  assert_int_equal(::ftruncate(unsealed.get(), 8192), 0);
  assert_false(os::is_shared_memory(unsealed.get()));
  assert_false(os::SharedMemory::map(unsealed, 8192).has_value());
  assert_false(os::is_shared_memory(STDIN_FILENO));
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(siphash_is_the_published_one),
      cmocka_unit_test(columns_add_up_and_are_cleared),
      cmocka_unit_test(a_full_bucket_gives_the_longest_unused_slot_away),
      cmocka_unit_test(a_rate_is_used_up_and_comes_back),
      cmocka_unit_test(garbage_in_the_memory_is_forgotten),
      cmocka_unit_test(many_names_find_their_slots_again),
      cmocka_unit_test(connections_of_an_address_are_limited_across_workers),
      cmocka_unit_test(a_network_has_four_times_as_much),
      cmocka_unit_test(an_ipv6_address_is_its_whole_64),
      cmocka_unit_test(connections_and_messages_have_rates),
      cmocka_unit_test(offences_lock_out_for_a_while),
      cmocka_unit_test(a_network_is_locked_out_after_four_times_as_many),
      cmocka_unit_test(one_address_does_not_lock_its_network_out),
      cmocka_unit_test(this_host_and_a_lockout_of_nothing_forgive_everything),
      cmocka_unit_test(a_table_that_is_full_limits_nobody),
      cmocka_unit_test(processes_count_together),
      cmocka_unit_test(nobody_can_cut_the_memory_off),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
