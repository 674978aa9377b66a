// Who gets a maildrop that is taken.
#include "queued/maildrop_holders.h"
#include "tests/unit/check.h"

#include <optional>

using namespace letterlock::queued;

namespace {

constexpr AccountId ours{7}, other{8};

struct Party {
  int asked = 0;
  std::optional<bool> released;
};

void hold(MaildropHolders& holders, Party& party) {
  holders.hold(ours, [&party] { ++party.asked; });
}
bool want(MaildropHolders& holders, Party& party) {
  return holders.want(ours, [&party](bool released) { party.released = released; });
}

void nobody_waits_for_what_nobody_holds(void**) {
  MaildropHolders holders;
  Party holder, newcomer;
  hold(holders, holder);
  assert_false(holders.want(other, [](bool) {}));
  assert_false(holders.is_held(other));
  assert_true(holders.is_held(ours));
  holders.release(ours);
  assert_false(want(holders, newcomer));
  assert_false(holders.is_held(ours));
  assert_int_equal(holder.asked, 0);
}

void the_holder_gives_way(void**) {
  MaildropHolders holders;
  Party holder, newcomer;
  hold(holders, holder);
  assert_true(want(holders, newcomer));
  assert_int_equal(holder.asked, 1);
  assert_false(newcomer.released.has_value());
  holders.release(ours);
  assert_true(newcomer.released == true);
}

void the_holder_keeps_it(void**) {
  MaildropHolders holders;
  Party holder, newcomer, later;
  hold(holders, holder);
  assert_true(want(holders, newcomer));
  holders.keep(ours);
  assert_true(newcomer.released == false);
  // Who comes later asks anew.
  assert_true(want(holders, later));
  assert_int_equal(holder.asked, 2);
  holders.release(ours);
  assert_true(later.released == true);
}

void a_third_does_not_wait(void**) {
  MaildropHolders holders;
  Party holder, newcomer, third;
  hold(holders, holder);
  assert_true(want(holders, newcomer));
  assert_false(want(holders, third));
  assert_true(holders.is_held(ours));
  assert_int_equal(holder.asked, 1);
  // Until the second has gone.
  holders.give_up(ours);
  assert_true(want(holders, third));
  holders.release(ours);
  assert_false(newcomer.released.has_value());
  assert_true(third.released == true);
}

void answers_that_nobody_waits_for_are_ignored(void**) {
  MaildropHolders holders;
  holders.keep(ours);
  holders.release(ours);
  holders.give_up(ours);
  Party holder;
  hold(holders, holder);
  holders.keep(ours);
  holders.release(ours);
  assert_int_equal(holder.asked, 0);
}

void a_holder_may_release_it_when_it_is_asked(void**) {
  MaildropHolders holders;
  holders.hold(ours, [&holders] { holders.release(ours); });
  Party newcomer;
  assert_true(want(holders, newcomer));
  assert_true(newcomer.released == true);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(nobody_waits_for_what_nobody_holds),
      cmocka_unit_test(the_holder_gives_way),
      cmocka_unit_test(the_holder_keeps_it),
      cmocka_unit_test(a_third_does_not_wait),
      cmocka_unit_test(answers_that_nobody_waits_for_are_ignored),
      cmocka_unit_test(a_holder_may_release_it_when_it_is_asked),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
