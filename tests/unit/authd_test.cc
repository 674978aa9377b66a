// authd's parts: the table of logins, the check of a password, the pool.
#include "authd/check_pool.h"
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

void submit(CheckPool& pool, std::uint64_t session, std::function<void(Verdict)> done) {
  pool.submit({.network = "192.0.2.0/24", .address = "192.0.2.1/32"},
              {.instance = 0, .serial = 1, .session = session}, *ipc::PasswordSecret::from("wrong"),
              verifier_for("secret"), std::move(done));
}

void the_pool_answers_in_the_loop(void**) {
  io::Loop loop;
  CheckPool pool(loop);
  int answers = 0;
  for (int i = 0; i < 4; ++i)
    submit(pool, 1, [&](Verdict verdict) {
      assert_true(verdict == Verdict::differs);
      ++answers;
    });
  while (answers < 4)
    loop.turn();
}

// Each check is answered once: by what came of it, or by that it has no place.
void the_pool_tells_who_has_no_place(void**) {
  io::Loop loop;
  CheckPool pool(loop);
  constexpr int submitted = 40 * static_cast<int>(CheckPool::most_of_address);
  int checked = 0, left_out = 0;
  for (int i = 0; i < submitted; ++i)
    submit(pool, 1,
           [&](Verdict verdict) { ++(verdict == Verdict::no_place ? left_out : checked); });
  assert_true(left_out > 0);
  while (checked + left_out < submitted)
    loop.turn();
  assert_true(checked >= static_cast<int>(CheckPool::most_of_address));
}

// At most those that are under way are answered all the same.
void who_has_gone_is_forgotten(void**) {
  io::Loop loop;
  CheckPool pool(loop);
  int of_gone = 0;
  bool of_other = false;
  for (unsigned i = 0; i < CheckPool::most_of_address - 1; ++i)
    submit(pool, 1, [&](Verdict) { ++of_gone; });
  submit(pool, 2, [&](Verdict) { of_other = true; });
  pool.forget([](const Asker& asker) { return asker.session == 1; });
  const int before = of_gone;
  while (!of_other)
    loop.turn();
  assert_true(of_gone - before < static_cast<int>(CheckPool::most_of_address) - 1);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_dummy_costs_as_much_and_matches_nothing),
      cmocka_unit_test(a_password_over_bcrypts_length_never_matches),
      cmocka_unit_test(logins_are_found_without_regard_to_case),
      cmocka_unit_test(the_dummy_costs_as_much_as_the_dearest),
      cmocka_unit_test(a_bad_password_file_is_refused),
      cmocka_unit_test(the_pool_answers_in_the_loop),
      cmocka_unit_test(the_pool_tells_who_has_no_place),
      cmocka_unit_test(who_has_gone_is_forgotten),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
