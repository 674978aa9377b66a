// The queue of logins: whose turn it is, and who goes when there is no place left.
#include "authd/fair_queue.h"

#include <string>
#include <vector>

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::authd;

namespace {

using Queue = FairQueue<std::string>;

// "a.1": address 1 of network a.
Origin origin(std::string_view name) {
  const auto dot = name.find('.');
  return {.network = std::string(name.substr(0, dot)), .address = std::string(name)};
}

// Work is named after its origin, with a number behind it: "a.1 3".
std::optional<std::string> push(Queue& queue, std::string_view work) {
  return queue.push(origin(work.substr(0, work.find(' '))), std::string(work));
}

void push_all(Queue& queue, const std::vector<std::string_view>& all) {
  for (const std::string_view work : all)
    assert_false(push(queue, work).has_value());
}

void expect(Queue& queue, const std::vector<std::string_view>& all) {
  for (const std::string_view work : all) {
    const auto next = queue.pop();
    assert_true(next.has_value());
    assert_text_equal(*next, work);
  }
  assert_false(queue.pop().has_value());
  assert_int_equal(queue.size(), 0);
}

void networks_take_turns_and_so_do_addresses(void**) {
  Queue queue({10, 10, 10});
  push_all(queue, {"flood.1 1", "flood.1 2", "flood.2 1", "owner.1 1", "flood.3 1", "owner.1 2"});
  expect(queue, {"flood.1 1", "owner.1 1", "flood.2 1", "owner.1 2", "flood.3 1", "flood.1 2"});
}

void an_address_and_a_network_are_bounded(void**) {
  Queue queue({10, 3, 2});
  push_all(queue, {"a.1 1", "a.1 2"});
  assert_text_equal(push(queue, "a.1 3").value_or(""), "a.1 3");
  push_all(queue, {"a.2 1"});
  // The newcomer of a full network has a place at the cost of who has more than it.
  assert_text_equal(push(queue, "a.3 1").value_or(""), "a.1 2");
  assert_text_equal(push(queue, "a.3 2").value_or(""), "a.3 2");
  push_all(queue, {"b.1 1"});
  expect(queue, {"a.1 1", "b.1 1", "a.2 1", "a.3 1"});
}

void who_has_most_makes_room_for_who_has_none(void**) {
  Queue queue({6, 4, 3});
  push_all(queue, {"a.1 1", "a.1 2", "a.2 1", "a.2 2", "b.1 1", "b.1 2"});
  assert_text_equal(push(queue, "owner.1 1").value_or(""), "a.1 2");
  assert_text_equal(push(queue, "owner.1 2").value_or(""), "a.2 2");
  // All have as much as the owner now: it is the one who came last that goes.
  assert_text_equal(push(queue, "owner.1 3").value_or(""), "owner.1 3");
  assert_int_equal(queue.size(), 6);
  expect(queue, {"a.1 1", "b.1 1", "owner.1 1", "a.2 1", "b.1 2", "owner.1 2"});
}

void a_network_of_many_addresses_is_one_flood(void**) {
  Queue queue({8, 8, 2});
  for (int i = 0; i < 8; ++i)
    push_all(queue, {"flood." + std::to_string(i) + " 1"});
  assert_true(push(queue, "owner.1 1").value_or("").starts_with("flood."));
  queue.pop();
  assert_text_equal(queue.pop().value_or(""), "owner.1 1");
}

void what_nobody_wants_is_removed(void**) {
  Queue queue({10, 10, 10});
  push_all(queue, {"a.1 gone", "a.1 2", "a.2 gone", "b.1 gone", "b.1 gone", "c.1 1"});
  queue.remove_if([](const std::string& work) { return work.ends_with("gone"); });
  assert_int_equal(queue.size(), 2);
  push_all(queue, {"b.1 1"});
  expect(queue, {"a.1 2", "c.1 1", "b.1 1"});
  queue.remove_if([](const std::string&) { return true; });
  assert_int_equal(queue.size(), 0);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(networks_take_turns_and_so_do_addresses),
      cmocka_unit_test(an_address_and_a_network_are_bounded),
      cmocka_unit_test(who_has_most_makes_room_for_who_has_none),
      cmocka_unit_test(a_network_of_many_addresses_is_one_flood),
      cmocka_unit_test(what_nobody_wants_is_removed),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
