// Who is told to wait after failed logins, and who is not.
#include "authd/login_guard.h"

#include "tests/unit/check.h"

using namespace letterlock;
using namespace letterlock::authd;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t owner = 1, somebody = 2, nobody = 0;
constexpr LoginGuard::Time begin = 100h;

IpAddress address(std::string_view text) {
  return *IpAddress::parse(text);
}

// One failure more than is forgiven.
void guess(LoginGuard& guard, const IpAddress& from, LoginGuard::Time now) {
  for (unsigned i = 0; i < ClientLimits::forgiven_count; ++i) {
    assert_true(guard.admits(from, owner, now));
    assert_false(guard.failed(from, now));
  }
  assert_true(guard.admits(from, owner, now));
  assert_true(guard.failed(from, now));
}

void a_guesser_waits_and_others_do_not(void**) {
  LoginGuard guard;
  const IpAddress guesser = address("192.0.2.1");
  guess(guard, guesser, begin);
  for (const std::uint32_t account : {owner, somebody, nobody})
    assert_false(guard.admits(guesser, account, begin));
  assert_true(guard.admits(address("192.0.2.2"), owner, begin));
  assert_true(guard.admits(address("198.51.100.1"), owner, begin));
  assert_false(guard.admits(guesser, owner, begin + LoginGuard::lockout - 1ms));
  assert_true(guard.admits(guesser, owner, begin + LoginGuard::lockout + 1ms));
}

void ipv6_is_counted_by_what_a_customer_has(void**) {
  LoginGuard guard;
  guess(guard, address("2001:db8:1:1::1"), begin);
  assert_false(guard.admits(address("2001:db8:1:1:ffff::2"), owner, begin));
  assert_true(guard.admits(address("2001:db8:1:2::1"), owner, begin));
}

void a_network_waits_as_well(void**) {
  LoginGuard guard;
  for (const char* from : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"})
    for (unsigned i = 0; i < ClientLimits::forgiven_count; ++i)
      assert_false(guard.failed(address(from), begin));
  assert_true(guard.failed(address("192.0.2.5"), begin));
  assert_false(guard.admits(address("192.0.2.200"), owner, begin));
  assert_true(guard.admits(address("192.0.3.1"), owner, begin));
}

void an_owner_at_the_guessers_address_is_let_through(void**) {
  LoginGuard guard;
  const IpAddress both = address("192.0.2.1");
  guard.succeeded(both, owner, begin);
  guess(guard, both, begin + 1min);
  assert_true(guard.admits(both, owner, begin + 1min));
  assert_false(guard.admits(both, somebody, begin + 1min));
  assert_false(guard.admits(both, nobody, begin + 1min));
  // Not for ever.
  const LoginGuard::Time later = begin + LoginGuard::remembered_for;
  guess(guard, both, later);
  assert_false(guard.admits(both, owner, later));
}

void the_oldest_login_is_forgotten(void**) {
  LoginGuard guard;
  const IpAddress from = address("192.0.2.1");
  for (std::uint32_t account = 1; account <= LoginGuard::most_remembered + 1; ++account)
    guard.succeeded(from, account, begin + std::chrono::seconds(account));
  guess(guard, from, begin + 1h);
  assert_false(guard.admits(from, 1, begin + 1h));
  assert_true(guard.admits(from, 2, begin + 1h));
  assert_true(guard.admits(from, LoginGuard::most_remembered + 1, begin + 1h));
}

void this_host_never_waits(void**) {
  LoginGuard guard;
  const IpAddress host = address("127.0.0.1");
  for (int i = 0; i < 100; ++i)
    assert_false(guard.failed(host, begin));
  assert_true(guard.admits(host, nobody, begin));
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_guesser_waits_and_others_do_not),
      cmocka_unit_test(ipv6_is_counted_by_what_a_customer_has),
      cmocka_unit_test(a_network_waits_as_well),
      cmocka_unit_test(an_owner_at_the_guessers_address_is_let_through),
      cmocka_unit_test(the_oldest_login_is_forgotten),
      cmocka_unit_test(this_host_never_waits),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
