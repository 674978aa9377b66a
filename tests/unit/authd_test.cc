// authd's parts: fairness, the table of logins, the check of a password, the pool.
#include "authd/check_pool.h"
#include "authd/fair_queue.h"
#include "authd/login_table.h"
#include "authd/password_check.h"

#include <string>

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::authd;

namespace {

// bcrypt of "secret" at the least cost, made with `letterlock passwd`'s function, crypt(3).
constexpr std::string_view verifier_of_secret =
    "$2b$04$abcdefghijklmnopqrstuuPyRSy2Xxnnr19sVSQwWwSO2pN0s4EXy";

conf::Verifier verifier_for(std::string_view password) {
  // By way of a table, as authd gets it.
  (void)password;
  return conf::Verifier::from(verifier_of_secret).value();
}

void origins_take_turns(void**) {
  FairQueue<int> queue(10, 10);
  for (const int work : {1, 2, 3})
    assert_true(queue.push("flood", work));
  assert_true(queue.push("owner", 4));
  assert_int_equal(*queue.pop(), 1);
  assert_int_equal(*queue.pop(), 4);
  assert_int_equal(*queue.pop(), 2);
  assert_int_equal(*queue.pop(), 3);
  assert_false(queue.pop().has_value());
}

void an_origin_and_the_whole_are_bounded(void**) {
  FairQueue<int> queue(3, 2);
  assert_true(queue.push("a", 1));
  assert_true(queue.push("a", 2));
  assert_false(queue.push("a", 3));
  assert_true(queue.push("b", 4));
  assert_false(queue.push("c", 5));
  assert_int_equal(queue.size(), 3);
}

void a_dummy_costs_as_much_and_matches_nothing(void**) {
  const conf::Verifier dummy = make_dummy_verifier(5);
  assert_int_equal(cost_of(dummy), 5);
  assert_false(password_matches("", dummy));
  assert_false(password_matches("secret", dummy));
}

void a_password_over_bcrypts_length_never_matches(void**) {
  const conf::Verifier verifier = make_dummy_verifier(4);
  assert_false(password_matches(std::string(conf::max_password_length + 1, 'x'), verifier));
}

void logins_are_found_without_regard_to_case(void**) {
  LoginTable table;
  table.add("main", "main", 3);
  table.add("mailbox@example.com", "main", 3);
  table.add("empty", "empty", 4);
  const std::string text = "main:" + std::string(verifier_of_secret) + "\n";
  assert_true(table.set_passwords(text, "passwords").has_value());
  assert_non_null(table.find("main"));
  assert_non_null(table.find("Mailbox@EXAMPLE.com"));
  assert_int_equal(table.find("MAIN")->account_id, 3);
  assert_null(table.find("empty")); // it has no password
  assert_true(table.without_password() == std::set<std::string>{"empty"});
  assert_null(table.find("other"));
}

void the_dummy_costs_as_much_as_the_dearest(void**) {
  LoginTable table;
  table.add("main", "main", 3);
  assert_true(table.set_passwords("main:" + std::string(verifier_of_secret) + "\n", "passwords")
                  .has_value());
  assert_int_equal(cost_of(table.dummy()), 4);
}

void a_bad_password_file_is_refused(void**) {
  LoginTable table;
  const auto set = table.set_passwords("main:plain text\n", "passwords");
  assert_false(set.has_value());
  assert_true(set.error().text.find("plain text") == std::string::npos);
}

void the_pool_answers_in_the_loop(void**) {
  io::Loop loop;
  CheckPool pool(loop);
  int answers = 0;
  for (int i = 0; i < 4; ++i)
    assert_true(pool.submit("192.0.2.1", *ipc::PasswordSecret::from("wrong"),
                            verifier_for("secret"), [&](bool matches) {
                              assert_false(matches);
                              ++answers;
                            }));
  while (answers < 4)
    loop.turn();
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(origins_take_turns),
      cmocka_unit_test(an_origin_and_the_whole_are_bounded),
      cmocka_unit_test(a_dummy_costs_as_much_and_matches_nothing),
      cmocka_unit_test(a_password_over_bcrypts_length_never_matches),
      cmocka_unit_test(logins_are_found_without_regard_to_case),
      cmocka_unit_test(the_dummy_costs_as_much_as_the_dearest),
      cmocka_unit_test(a_bad_password_file_is_refused),
      cmocka_unit_test(the_pool_answers_in_the_loop),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
