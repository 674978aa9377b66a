// AccountUsage: what is added, taken away and counted, and what fits.
#include "queued/store/account_usage.h"

#include <cerrno>
#include <map>
#include <thread>

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::queued;

namespace {

constexpr AccountId a{1}, b{2}, free_account{3};

struct Fixture {
  std::map<AccountId, std::uint64_t> on_disk; // what counting finds
  int counts = 0, told = 0;
  bool disk_fails = false;
  int arrivals = 0; // messages that come while somebody counts
  AccountUsage usage{[this](AccountId account) -> SystemResult<std::uint64_t> {
                       ++counts;
                       if (disk_fails)
                         return std::unexpected(Errno{EIO});
                       if (arrivals > 0) {
                         --arrivals;
                         deliver(a, 5);
                       }
                       return on_disk[account];
                     },
                     [this] { ++told; }};

  // A has 100, B has 1000.
  void start() {
    usage.set_quotas({{a, 100}, {b, 1000}, {free_account, 0}});
    usage.ensure_counted(a);
    usage.ensure_counted(b);
  }
  std::shared_ptr<AccountUsage::Claim> claim(AccountId account, std::uint64_t bytes) {
    const AccountUsage::Demand demand{account, bytes};
    auto claims = usage.claim({&demand, 1});
    return claims ? claims->at(0) : nullptr;
  }
  // What becomes of a delivery that ends well.
  void deliver(AccountId account, std::uint64_t bytes) {
    const auto made = claim(account, bytes);
    assert_non_null(made.get());
    made->keep();
    on_disk[account] += bytes;
  }
  std::uint64_t room(AccountId account) const {
    const auto bytes = usage.room(account);
    assert_true(bytes.has_value());
    return *bytes;
  }
};

void claims_fill_the_quota(void**) {
  Fixture f;
  f.on_disk[a] = 30;
  f.start();
  assert_int_equal(f.room(a), 70);
  assert_null(f.claim(a, 71).get());
  const auto first = f.claim(a, 70); // just fits
  assert_int_equal(f.room(a), 0);
  assert_null(f.claim(a, 1).get());
  assert_non_null(f.claim(a, 0).get());
}

void a_claim_that_is_not_kept_gives_its_room_back(void**) {
  Fixture f;
  f.start();
  {
    const auto claim = f.claim(a, 60);
    assert_int_equal(f.room(a), 40);
  }
  assert_int_equal(f.room(a), 100);
  f.deliver(a, 60);
  assert_int_equal(f.room(a), 40);
}

void claims_are_for_all_accounts_or_none(void**) {
  Fixture f;
  f.start();
  const AccountUsage::Demand demands[] = {{b, 200}, {free_account, 200}, {a, 200}};
  const auto refused = f.usage.claim(demands);
  assert_false(refused.has_value());
  assert_true(refused.error() == a);
  assert_int_equal(f.room(b), 1000);
  const AccountUsage::Demand fitting[] = {{b, 200}, {free_account, 200}, {a, 100}};
  const auto claims = f.usage.claim(fitting);
  assert_int_equal(claims->size(), 3);
  assert_int_equal(f.room(b), 800);
  assert_int_equal(f.room(a), 0);
}

void an_account_without_a_quota_takes_all(void**) {
  Fixture f;
  f.start();
  const AccountUsage::Demand demand{free_account, ~std::uint64_t{0}};
  assert_true(f.usage.claim({&demand, 1}).has_value());
  assert_false(f.usage.room(free_account).has_value());
  f.usage.ensure_counted(free_account);
  assert_int_equal(f.counts, 2); // a and b
}

void removing_gives_room(void**) {
  Fixture f;
  f.on_disk[a] = 90;
  f.start();
  f.usage.remove(a, 50);
  assert_int_equal(f.room(a), 60);
  f.usage.remove(a, 500); // more than we knew of
  assert_int_equal(f.room(a), 100);
  f.usage.remove(free_account, 5);
  assert_false(f.usage.room(free_account).has_value());
}

// What a maildrop did not take is deleted by POP3 while it waits.
void what_is_removed_before_it_has_come_gives_room(void**) {
  for (const bool counted_meanwhile : {false, true}) {
    Fixture f;
    f.on_disk[a] = 10;
    f.start();
    auto first = f.claim(a, 50), second = f.claim(a, 40);
    first->keep();
    second->keep();
    assert_int_equal(f.room(a), 0);
    f.usage.remove(a, 100);
    f.on_disk[a] = 0;
    assert_int_equal(f.room(a), 100);
    if (counted_meanwhile)
      f.usage.count(a);
    assert_int_equal(f.room(a), 100);
    first.reset();
    assert_int_equal(f.room(a), 100);
    second.reset();
    assert_int_equal(f.room(a), 100);
    f.deliver(a, 30);
    assert_int_equal(f.room(a), 70);
  }
}

// It may have been another program's file: then the claim is for what is to come all the same.
void no_more_is_removed_than_was_on_its_way(void**) {
  Fixture f;
  f.start();
  {
    const auto claim = f.claim(a, 20);
    f.usage.remove(a, 500);
    assert_int_equal(f.room(a), 100);
  } // not kept
  assert_int_equal(f.room(a), 100);
  f.deliver(a, 30);
  assert_int_equal(f.room(a), 70);
}

void an_account_over_its_quota_has_no_room(void**) {
  Fixture f;
  f.on_disk[a] = 150; // the quota was larger before
  f.start();
  assert_int_equal(f.room(a), 0);
  f.usage.remove(a, 20);
  assert_int_equal(f.room(a), 0);
  f.usage.remove(a, 40);
  assert_int_equal(f.room(a), 10);
}

void an_account_is_counted_once_by_need(void**) {
  Fixture f;
  f.usage.set_quotas({{a, 100}});
  assert_false(f.usage.room(a).has_value());
  f.usage.ensure_counted(a);
  f.usage.ensure_counted(a);
  assert_int_equal(f.counts, 1);
  f.usage.set_quotas({{a, 50}});
  assert_true(f.usage.uncounted().empty()); // the count stays good
  assert_int_equal(f.room(a), 50);
}

void an_account_that_cannot_be_counted_has_room_for_now(void**) {
  Fixture f;
  f.disk_fails = true;
  f.on_disk[a] = 100;
  f.start();
  assert_non_null(f.claim(a, 1000).get());
  f.disk_fails = false;
  f.usage.ensure_counted(a);
  assert_null(f.claim(a, 1).get());
}

void a_count_takes_the_place_of_what_was_added_up(void**) {
  Fixture f;
  f.start();
  f.deliver(a, 80);
  const auto count = f.usage.begin_count(a);
  f.usage.finish_count(count, 10); // another program removed the rest
  assert_int_equal(f.room(a), 90);
}

// A listing may have been too early for it, and too late.
void what_comes_during_a_first_count_counts_twice(void**) {
  Fixture f;
  f.usage.set_quotas({{a, 100}});
  const auto under_way = f.claim(a, 20);
  const auto count = f.usage.begin_count(a);
  f.deliver(a, 30);
  assert_false(f.usage.finish_count(count, 30));
  assert_int_equal(f.room(a), 20);
  f.usage.count(a);
  assert_int_equal(f.room(a), 50);
}

void what_comes_during_another_count_leaves_the_earlier_one(void**) {
  Fixture f;
  f.on_disk[a] = 10;
  f.start();
  const auto count = f.usage.begin_count(a);
  f.deliver(a, 30);
  assert_false(f.usage.finish_count(count, 30));
  assert_int_equal(f.room(a), 60);
}

void a_count_is_made_again_while_something_comes(void**) {
  Fixture f;
  f.usage.set_quotas({{a, 100}});
  f.arrivals = 1;
  f.usage.ensure_counted(a);
  assert_int_equal(f.counts, 2);
  assert_int_equal(f.room(a), 95);
  // But not for ever.
  f.arrivals = 1000;
  f.usage.count(a);
  assert_int_equal(f.counts, 5);
  assert_int_equal(f.room(a), 80);
}

void what_is_removed_during_a_count_is_not_taken_away_twice(void**) {
  Fixture f;
  f.on_disk[a] = 80;
  f.start();
  const auto count = f.usage.begin_count(a);
  f.usage.remove(a, 80);
  f.usage.finish_count(count, 0); // seen after the removal
  assert_int_equal(f.room(a), 100);
  f.deliver(a, 100);
  assert_int_equal(f.room(a), 0);
}

void a_quota_may_come_and_go(void**) {
  Fixture f;
  f.start();
  f.deliver(a, 90);
  f.usage.set_quotas({{b, 1000}});
  assert_false(f.usage.room(a).has_value());
  // What is on its way when the quota comes counts as well.
  const auto on_its_way = f.claim(a, 1000);
  f.usage.set_quotas({{a, 2000}, {b, 1000}});
  const auto uncounted = f.usage.uncounted();
  assert_int_equal(uncounted.size(), 1);
  assert_true(uncounted[0] == a);
  f.usage.ensure_counted(a);
  assert_int_equal(f.room(a), 910);
}

void copies_that_have_to_come_in_count(void**) {
  Fixture f;
  const AccountUsage::Demand demand{a, 500};
  auto claim = f.usage.claim_anyway({&demand, 1}).front();
  claim->keep();
  f.start();
  assert_int_equal(f.room(a), 0);
  claim.reset();
  assert_int_equal(f.room(a), 0); // it is in the maildrop by then
  f.usage.finish_count(f.usage.begin_count(a), 20);
  assert_int_equal(f.room(a), 80);
}

void changes_are_told_once_until_they_are_taken(void**) {
  Fixture f;
  f.start();
  assert_int_equal(f.told, 1);
  auto rooms = f.usage.take_changes();
  assert_int_equal(rooms.size(), 2);
  assert_true(rooms[0].account == a && rooms[0].bytes == 100);
  assert_true(rooms[1].account == b && rooms[1].bytes == 1000);
  assert_true(f.usage.take_changes().empty());
  f.deliver(a, 10);
  f.deliver(a, 10);
  f.usage.remove(b, 1);
  assert_int_equal(f.told, 2);
  rooms = f.usage.take_changes();
  assert_int_equal(rooms.size(), 2);
  assert_true(rooms[0].account == a && rooms[0].bytes == 80);
  assert_int_equal(f.told, 2);
  f.usage.set_quotas({});
  rooms = f.usage.take_changes();
  assert_int_equal(rooms.size(), 2);
  assert_false(rooms[0].bytes.has_value());
}

void what_had_no_room_is_known_until_there_is_more(void**) {
  Fixture f;
  f.on_disk[a] = 50;
  f.start();
  const auto refused = [&] {
    for (const AccountRoom& room : f.usage.take_changes())
      if (room.account == a)
        return room.refused;
    fail_msg("nothing has changed");
    return false;
  };
  assert_false(refused());
  assert_null(f.claim(a, 51).get());
  assert_true(refused());
  f.deliver(a, 10); // less room
  assert_true(refused());
  f.usage.remove(a, 1);
  assert_false(refused());
  assert_null(f.claim(a, 51).get());
  f.usage.finish_count(f.usage.begin_count(a), 59); // no more than before
  assert_true(refused());
  f.usage.finish_count(f.usage.begin_count(a), 40);
  assert_false(refused());
  assert_null(f.claim(a, 61).get());
  f.usage.set_quotas({{a, 90}});
  assert_false(refused());
  {
    const auto claim = f.claim(a, 10);
    assert_null(f.claim(a, 45).get());
    assert_true(refused());
  }
  assert_false(refused()); // the claim was not kept
}

void all_that_have_no_room_are_known(void**) {
  Fixture f;
  f.start();
  static_cast<void>(f.usage.take_changes());
  const AccountUsage::Demand demands[] = {{b, 2000}, {free_account, 2000}, {a, 2000}};
  assert_true(f.usage.claim(demands).error() == b);
  const auto rooms = f.usage.take_changes();
  assert_int_equal(rooms.size(), 2);
  assert_true(rooms[0].refused && rooms[1].refused);
}

void accounts_whose_room_matters_are_counted_again(void**) {
  Fixture f;
  f.start();
  assert_true(f.usage.worth_counting().empty());
  f.deliver(a, 87);
  assert_true(f.usage.worth_counting().empty());
  f.deliver(a, 2);
  assert_int_equal(f.usage.worth_counting().size(), 1);
  assert_true(f.usage.worth_counting()[0] == a);
  f.usage.remove(a, 50);
  assert_true(f.usage.worth_counting().empty());
  assert_null(f.claim(a, 90).get());
  assert_int_equal(f.usage.worth_counting().size(), 1);
}

void a_claim_may_outlive_the_rest(void**) {
  std::shared_ptr<AccountUsage::Claim> claim;
  {
    Fixture f;
    f.start();
    claim = f.claim(a, 5);
  }
  claim.reset();
}

void threads_together_never_overfill(void**) {
  Fixture f;
  f.usage.set_quotas({{b, 1000}});
  f.usage.ensure_counted(b);
  std::vector<std::thread> threads;
  std::atomic<int> taken = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n)
        if (const auto claim = f.claim(b, 1); claim && n % 2 == 0) {
          claim->keep();
          ++taken;
        }
    });
  for (std::thread& thread : threads)
    thread.join();
  assert_true(taken <= 1000);
  assert_int_equal(f.room(b), 1000 - taken);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(claims_fill_the_quota),
      cmocka_unit_test(a_claim_that_is_not_kept_gives_its_room_back),
      cmocka_unit_test(claims_are_for_all_accounts_or_none),
      cmocka_unit_test(an_account_without_a_quota_takes_all),
      cmocka_unit_test(removing_gives_room),
      cmocka_unit_test(what_is_removed_before_it_has_come_gives_room),
      cmocka_unit_test(no_more_is_removed_than_was_on_its_way),
      cmocka_unit_test(an_account_over_its_quota_has_no_room),
      cmocka_unit_test(an_account_is_counted_once_by_need),
      cmocka_unit_test(an_account_that_cannot_be_counted_has_room_for_now),
      cmocka_unit_test(a_count_takes_the_place_of_what_was_added_up),
      cmocka_unit_test(what_comes_during_a_first_count_counts_twice),
      cmocka_unit_test(what_comes_during_another_count_leaves_the_earlier_one),
      cmocka_unit_test(a_count_is_made_again_while_something_comes),
      cmocka_unit_test(what_is_removed_during_a_count_is_not_taken_away_twice),
      cmocka_unit_test(a_quota_may_come_and_go),
      cmocka_unit_test(copies_that_have_to_come_in_count),
      cmocka_unit_test(changes_are_told_once_until_they_are_taken),
      cmocka_unit_test(what_had_no_room_is_known_until_there_is_more),
      cmocka_unit_test(all_that_have_no_room_are_known),
      cmocka_unit_test(accounts_whose_room_matters_are_counted_again),
      cmocka_unit_test(a_claim_may_outlive_the_rest),
      cmocka_unit_test(threads_together_never_overfill),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
