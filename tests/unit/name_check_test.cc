// Forward-confirmed reverse DNS: which answers let a client in.
#include "smtpd/name_check.h"
#include "tests/unit/check.h"

#include <string>

using namespace letterlock;
using namespace letterlock::smtpd;
using ipc::LookupOutcome;
using Verdict = NameCheck::Verdict;

namespace {

const std::vector<HostPattern> allowed = {*HostPattern::parse("mail.example.net"),
                                          *HostPattern::parse(".example.org")};

IpAddress client_v4() {
  return *IpAddress::parse("192.0.2.7");
}

ipc::NamesFound names(std::initializer_list<std::string_view> list) {
  ipc::NamesFound answer;
  for (const auto name : list)
    assert_true(answer.names.push(*ipc::HostName::from(name)));
  answer.outcome = list.size() == 0 ? LookupOutcome::none : LookupOutcome::found;
  return answer;
}

ipc::NamesFound no_names(LookupOutcome outcome) {
  ipc::NamesFound answer;
  answer.outcome = outcome;
  return answer;
}

ipc::AddressesFound addresses(std::initializer_list<std::string_view> list) {
  ipc::AddressesFound answer;
  for (const auto address : list)
    assert_true(answer.addresses.push(*ipc::PeerText::from(address)));
  answer.outcome = list.size() == 0 ? LookupOutcome::none : LookupOutcome::found;
  return answer;
}

ipc::AddressesFound failure() {
  ipc::AddressesFound answer;
  answer.outcome = LookupOutcome::failed;
  return answer;
}

void expect(const NameCheck& check, Verdict verdict) {
  assert_int_equal(static_cast<int>(check.verdict()), static_cast<int>(verdict));
}

void a_name_that_leads_back_is_confirmed(void**) {
  NameCheck check(client_v4());
  expect(check, Verdict::open);
  assert_true(check.family() == ipc::AddressFamily::ipv4);
  const auto asked = check.on_names(names({"mail.example.net"}), allowed);
  assert_int_equal(asked.size(), 1);
  assert_text_equal(asked[0], "mail.example.net");
  expect(check, Verdict::open);
  check.on_addresses(asked[0], addresses({"192.0.2.1", "192.0.2.7"}));
  expect(check, Verdict::confirmed);
  assert_text_equal(check.name(), "mail.example.net");
}

void ipv6_is_compared_by_value(void**) {
  NameCheck check(*IpAddress::parse("2001:db8:0:0::7"));
  assert_true(check.family() == ipc::AddressFamily::ipv6);
  const auto asked = check.on_names(names({"a.example.org"}), allowed);
  check.on_addresses(asked.at(0), addresses({"2001:0db8::0007"}));
  expect(check, Verdict::confirmed);
}

// The DNS gives lists in any order: who is not in the part that is looked at may be in the rest.
void what_is_known_in_part_is_in_doubt(void**) {
  ipc::NamesFound many = names({"x.example"});
  while (!many.names.full())
    assert_true(many.names.push(*ipc::HostName::from("y.example")));
  NameCheck none(client_v4());
  assert_true(none.on_names(many, allowed).empty());
  expect(none, Verdict::in_doubt);

  ipc::NamesFound too_many = names({});
  too_many.outcome = LookupOutcome::found;
  for (std::size_t i = 0; i <= NameCheck::most_names; ++i)
    assert_true(
        too_many.names.push(*ipc::HostName::from("h" + std::to_string(i) + ".example.org")));
  NameCheck some(client_v4());
  const auto asked = some.on_names(too_many, allowed);
  assert_int_equal(asked.size(), NameCheck::most_names);
  for (const ipc::HostName& name : asked)
    some.on_addresses(name, addresses({"192.0.2.1"}));
  expect(some, Verdict::in_doubt);

  NameCheck crowd(client_v4());
  static_cast<void>(crowd.on_names(names({"mail.example.net"}), allowed));
  ipc::AddressesFound others = addresses({"192.0.2.1"});
  while (!others.addresses.full())
    assert_true(others.addresses.push(*ipc::PeerText::from("192.0.2.2")));
  crowd.on_addresses(*ipc::HostName::from("mail.example.net"), others);
  expect(crowd, Verdict::in_doubt);

  // It counts all the same if it is there.
  many.names = {};
  assert_true(many.names.push(*ipc::HostName::from("mail.example.net")));
  while (!many.names.full())
    assert_true(many.names.push(*ipc::HostName::from("y.example")));
  NameCheck found(client_v4());
  assert_int_equal(found.on_names(many, allowed).size(), 1);
  found.on_addresses(*ipc::HostName::from("mail.example.net"), addresses({"192.0.2.7"}));
  expect(found, Verdict::confirmed);
}

void names_that_may_not_connect_are_not_looked_up(void**) {
  NameCheck check(client_v4());
  assert_true(check.on_names(names({"mail.example.com", "example.org"}), allowed).empty());
  expect(check, Verdict::unknown);
  NameCheck some(client_v4());
  const auto asked = some.on_names(names({"x.example", "b.example.org", "y.example"}), allowed);
  assert_int_equal(asked.size(), 1);
  assert_text_equal(asked[0], "b.example.org");
}

void an_address_without_a_name_is_unknown(void**) {
  NameCheck check(client_v4());
  assert_true(check.on_names(no_names(LookupOutcome::none), allowed).empty());
  expect(check, Verdict::unknown);
}

void a_name_of_somebody_else_is_unknown(void**) {
  for (const auto& answer :
       {addresses({"192.0.2.1"}), addresses({"2001:db8::7"}), addresses({"x"}), addresses({})}) {
    NameCheck check(client_v4());
    const auto asked = check.on_names(names({"mail.example.net"}), allowed);
    check.on_addresses(asked.at(0), answer);
    expect(check, Verdict::unknown);
  }
}

void failures_are_doubts(void**) {
  NameCheck first(client_v4());
  assert_true(first.on_names(no_names(LookupOutcome::failed), allowed).empty());
  expect(first, Verdict::in_doubt);
  NameCheck second(client_v4());
  const auto asked = second.on_names(names({"a.example.org", "b.example.org"}), allowed);
  second.on_addresses(asked.at(0), failure());
  expect(second, Verdict::open);
  second.on_addresses(asked.at(1), addresses({"192.0.2.1"}));
  expect(second, Verdict::in_doubt);
  NameCheck third(client_v4());
  third.give_up();
  expect(third, Verdict::in_doubt);
}

void one_name_is_enough(void**) {
  NameCheck check(client_v4());
  const auto asked = check.on_names(names({"a.example.org", "b.example.org"}), allowed);
  check.on_addresses(asked.at(0), failure());
  check.on_addresses(asked.at(1), addresses({"192.0.2.7"}));
  expect(check, Verdict::confirmed);
  assert_text_equal(check.name(), "b.example.org");
  // What comes late changes nothing.
  check.on_addresses(asked.at(0), addresses({"192.0.2.1"}));
  check.give_up();
  expect(check, Verdict::confirmed);
}

void an_answer_that_was_not_asked_for_counts_for_nothing(void**) {
  NameCheck check(client_v4());
  check.on_addresses("mail.example.net", addresses({"192.0.2.7"}));
  expect(check, Verdict::open);
  const auto asked = check.on_names(names({"a.example.org"}), allowed);
  check.on_addresses("mail.example.net", addresses({"192.0.2.7"}));
  expect(check, Verdict::open);
  assert_true(check.on_names(names({"mail.example.net"}), allowed).empty());
  check.on_addresses(asked.at(0), addresses({"192.0.2.1"}));
  expect(check, Verdict::unknown);
}

void many_names_are_not_many_lookups(void**) {
  ipc::NamesFound answer = names({"same.example.org", "same.example.org"});
  for (int i = 0; !answer.names.full(); ++i)
    assert_true(answer.names.push(*ipc::HostName::from("n" + std::to_string(i) + ".example.org")));
  NameCheck check(client_v4());
  const auto asked = check.on_names(answer, allowed);
  assert_int_equal(asked.size(), NameCheck::most_names);
  for (const auto& name : asked) {
    expect(check, Verdict::open);
    check.on_addresses(name, addresses({}));
  }
  expect(check, Verdict::in_doubt);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_name_that_leads_back_is_confirmed),
      cmocka_unit_test(ipv6_is_compared_by_value),
      cmocka_unit_test(what_is_known_in_part_is_in_doubt),
      cmocka_unit_test(names_that_may_not_connect_are_not_looked_up),
      cmocka_unit_test(an_address_without_a_name_is_unknown),
      cmocka_unit_test(a_name_of_somebody_else_is_unknown),
      cmocka_unit_test(failures_are_doubts),
      cmocka_unit_test(one_name_is_enough),
      cmocka_unit_test(an_answer_that_was_not_asked_for_counts_for_nothing),
      cmocka_unit_test(many_names_are_not_many_lookups),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
