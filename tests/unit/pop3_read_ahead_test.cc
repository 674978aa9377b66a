// Which messages pop3d asks for before its client does, and what becomes of them.
#include "pop3d/read_ahead.h"
#include "tests/unit/check.h"

#include <fcntl.h>

#include <string>

using namespace letterlock;
using namespace letterlock::pop3d;

namespace {

using Indices = std::vector<std::uint32_t>;

MessageResult short_message(std::uint32_t index) {
  return Message{index, "content of " + std::to_string(index)};
}
MessageResult long_message(std::uint32_t index) {
  return Message{index,
                 MessageFile{UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)), 1'000'000}};
}

struct Scene {
  explicit Scene(std::uint32_t messages = 1000) { ahead.begin(messages); }

  // The client asks for a message, and what is wanted after it is answered at once.
  bool fetch(std::uint32_t index) {
    const auto result = ahead.turn(index);
    assert_true(!result || (*result && (*result)->wire_size == index));
    for (const std::uint32_t wanted : ahead.wanted())
      assert_false(ahead.arrived(wanted, short_message(wanted)).has_value());
    return result.has_value();
  }

  AheadBudget budget;
  ReadAhead ahead{budget};
};

void messages_in_order_are_asked_for_in_growing_numbers(void**) {
  Scene scene;
  assert_false(scene.ahead.turn(0).has_value());
  assert_true(scene.ahead.wanted() == Indices{1});
  assert_true(scene.ahead.wanted().empty());
  assert_false(scene.ahead.arrived(1, short_message(1)).has_value());
  assert_int_equal((*scene.ahead.turn(1))->wire_size, 1);
  assert_true(scene.ahead.wanted() == (Indices{2, 3}));
  for (const std::uint32_t index : {2u, 3u})
    assert_false(scene.ahead.arrived(index, short_message(index)).has_value());
  assert_true(scene.ahead.turn(2).has_value());
  assert_true(scene.ahead.wanted() == (Indices{4, 5, 6}));
  std::size_t batches = 0;
  for (std::uint32_t index = 3; index < 500; ++index) {
    if (index <= 6)
      scene.ahead.arrived(index, short_message(index));
    assert_true(scene.ahead.turn(index).has_value());
    const Indices wanted = scene.ahead.wanted();
    batches += wanted.empty() ? 0 : 1;
    for (const std::uint32_t each : wanted)
      assert_false(scene.ahead.arrived(each, short_message(each)).has_value());
    assert_true(scene.budget.used() <= ReadAhead::most_ahead);
  }
  // Half a window at a time.
  assert_true(batches < 500 / (ReadAhead::most_ahead / 4));
}

void nothing_is_asked_for_behind_the_last(void**) {
  Scene scene(3);
  assert_false(scene.fetch(0));
  assert_true(scene.fetch(1));
  assert_true(scene.fetch(2));
  assert_int_equal(scene.budget.used(), 0);
  Scene empty(0);
  assert_false(empty.fetch(0));
  assert_int_equal(empty.budget.used(), 0);
}

void other_orders_are_not_guessed(void**) {
  Scene scene;
  for (const std::uint32_t index : {500u, 499u, 498u, 7u, 100u})
    assert_false(scene.fetch(index));
  assert_int_equal(scene.budget.used(), 0);
  // Two in a row are an order.
  assert_false(scene.fetch(101));
  assert_true(scene.fetch(102));
  assert_true(scene.budget.used() > 0);
  // A jump ends it, and what was read ahead goes.
  assert_false(scene.fetch(3));
  assert_int_equal(scene.budget.used(), 0);
}

void pipelined_messages_are_asked_for_in_any_order(void**) {
  Scene scene;
  for (const std::uint32_t index : {70u, 9u, 70u, 30u})
    scene.ahead.expect(index);
  assert_false(scene.ahead.turn(50).has_value());
  assert_false(scene.ahead.asked(50));
  assert_true(scene.ahead.wanted() == (Indices{70, 9, 30}));
  assert_false(scene.ahead.arrived(30, short_message(30)).has_value());
  // It is on its way: what arrives is for the client.
  assert_false(scene.ahead.turn(70).has_value());
  assert_true(scene.ahead.asked(70));
  assert_int_equal((*scene.ahead.arrived(70, short_message(70)))->wire_size, 70);
  assert_false(scene.ahead.asked(70));
  assert_false(scene.ahead.arrived(9, short_message(9)).has_value());
  assert_true(scene.ahead.turn(9).has_value());
  assert_true(scene.ahead.turn(30).has_value());
}

void answers_to_nothing_are_handed_back(void**) {
  Scene scene;
  assert_true(scene.ahead.arrived(4, short_message(4)).has_value());
  scene.ahead.expect(4);
  assert_true(scene.ahead.arrived(4, short_message(4)).has_value()); // not asked yet
  assert_true(scene.ahead.wanted() == Indices{4});
  assert_false(scene.ahead.arrived(4, short_message(4)).has_value());
  assert_true(scene.ahead.arrived(4, short_message(4)).has_value()); // twice
}

void of_long_messages_one_is_kept(void**) {
  Scene scene;
  for (const std::uint32_t index : {5u, 6u, 7u})
    scene.ahead.expect(index);
  assert_true(scene.ahead.wanted() == (Indices{5, 6, 7}));
  for (const std::uint32_t index : {5u, 6u, 7u})
    assert_false(scene.ahead.arrived(index, long_message(index)).has_value());
  assert_true(scene.ahead.turn(5).has_value());
  assert_false(scene.ahead.turn(6).has_value());
  assert_false(scene.ahead.asked(6));
  // One at a time from now on.
  assert_true(scene.ahead.wanted() == Indices{7});
  assert_false(scene.ahead.arrived(7, long_message(7)).has_value());
  assert_true(scene.ahead.turn(7).has_value());
  assert_true(scene.ahead.wanted() == Indices{8});
  assert_false(scene.ahead.turn(8).has_value());
  assert_true(scene.ahead.wanted() == Indices{9});
  assert_true(scene.ahead.arrived(8, long_message(8)).has_value());
  assert_true(scene.ahead.wanted().empty());
  // Until short ones come again.
  assert_false(scene.ahead.arrived(9, short_message(9)).has_value());
  assert_true(scene.ahead.turn(9).has_value());
  assert_true(scene.ahead.wanted() == (Indices{10, 11}));
}

void faults_are_kept_if_they_last(void**) {
  Scene scene;
  for (const std::uint32_t index : {5u, 6u, 7u})
    scene.ahead.expect(index);
  scene.ahead.wanted();
  assert_false(scene.ahead.arrived(5, std::unexpected(pop3::ReadFault::gone)).has_value());
  assert_false(scene.ahead.arrived(6, std::unexpected(pop3::ReadFault::temporary)).has_value());
  assert_true(scene.ahead.turn(5)->error() == pop3::ReadFault::gone);
  assert_false(scene.ahead.turn(6).has_value());
  assert_false(scene.ahead.asked(6));
  // The client waits: it is told, or asks on its own.
  assert_false(scene.ahead.turn(7).has_value());
  assert_true(scene.ahead.arrived(7, std::unexpected(pop3::ReadFault::temporary))->error() ==
              pop3::ReadFault::temporary);
}

void what_could_not_be_asked_for_is_forgotten(void**) {
  Scene scene;
  scene.ahead.expect(5);
  assert_true(scene.ahead.wanted() == Indices{5});
  scene.ahead.not_asked(5);
  assert_false(scene.ahead.asked(5));
  assert_int_equal(scene.budget.used(), 0);
}

void the_budget_is_shared_and_given_back(void**) {
  AheadBudget budget;
  while (budget.used() < AheadBudget::most - 2)
    assert_true(budget.take());
  {
    ReadAhead one(budget), other(budget);
    for (const std::uint32_t index : {5u, 6u, 7u})
      one.expect(index);
    other.expect(5);
    assert_true(one.wanted() == (Indices{5, 6}));
    assert_true(other.wanted().empty());
    one.clear();
    other.expect(5);
    assert_true(other.wanted() == Indices{5});
  }
  assert_int_equal(budget.used(), AheadBudget::most - 2);
}

void one_session_has_a_bound(void**) {
  Scene scene;
  for (std::uint32_t index = 0; index < 100; ++index)
    scene.ahead.expect(index);
  assert_int_equal(scene.ahead.wanted().size(), ReadAhead::most_ahead);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(messages_in_order_are_asked_for_in_growing_numbers),
      cmocka_unit_test(nothing_is_asked_for_behind_the_last),
      cmocka_unit_test(other_orders_are_not_guessed),
      cmocka_unit_test(pipelined_messages_are_asked_for_in_any_order),
      cmocka_unit_test(answers_to_nothing_are_handed_back),
      cmocka_unit_test(of_long_messages_one_is_kept),
      cmocka_unit_test(faults_are_kept_if_they_last),
      cmocka_unit_test(what_could_not_be_asked_for_is_forgotten),
      cmocka_unit_test(the_budget_is_shared_and_given_back),
      cmocka_unit_test(one_session_has_a_bound),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
