// Grants: once, in time, for the process that asked.
#include "queued/grant_table.h"

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

const GrantTable::Time start{};

void a_grant_opens_once(void**) {
  GrantTable table;
  const Id128 grant = Id128::random();
  table.add(grant, 7, 0, start);
  assert_true(table.take(grant, 0, start) == 7u);
  assert_false(table.take(grant, 0, start).has_value());
}

void an_unknown_grant_opens_nothing(void**) {
  GrantTable table;
  table.add(Id128::random(), 7, 0, start);
  assert_false(table.take(Id128::random(), 0, start).has_value());
}

void another_process_gets_nothing_and_the_grant_stays(void**) {
  GrantTable table;
  const Id128 grant = Id128::random();
  table.add(grant, 7, 1, start);
  assert_false(table.take(grant, 0, start).has_value());
  assert_true(table.take(grant, 1, start) == 7u);
}

void a_grant_ends_after_its_lifetime(void**) {
  GrantTable table;
  const Id128 grant = Id128::random();
  table.add(grant, 7, 0, start);
  assert_false(table.take(grant, 0, start + GrantTable::lifetime).has_value());
}

void the_table_is_bounded_and_the_oldest_gives_way(void**) {
  GrantTable table;
  const Id128 first = Id128::random();
  table.add(first, 1, 0, start);
  Id128 last;
  for (std::size_t i = 0; i < GrantTable::most; ++i)
    table.add(last = Id128::random(), 2, 0, start);
  assert_false(table.take(first, 0, start).has_value());
  assert_true(table.take(last, 0, start) == 2u);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_grant_opens_once),
      cmocka_unit_test(an_unknown_grant_opens_nothing),
      cmocka_unit_test(another_process_gets_nothing_and_the_grant_stays),
      cmocka_unit_test(a_grant_ends_after_its_lifetime),
      cmocka_unit_test(the_table_is_bounded_and_the_oldest_gives_way),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
