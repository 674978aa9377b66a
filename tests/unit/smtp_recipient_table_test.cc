// Whose mail is whose.
#include "smtpd/recipient_table.h"
#include "tests/unit/check.h"

#include <string>

using namespace letterlock;
using namespace letterlock::mail;
using namespace letterlock::smtpd;

namespace {

Mailbox mailbox(std::string_view text) {
  return *Mailbox::parse(text, Charset::utf8);
}

std::string judge(const RecipientTable& table, const ForwardPath& path) {
  const auto recipient = table.judge(path);
  if (recipient)
    return std::to_string(recipient->account) + ' ' + recipient->address.text();
  switch (recipient.error()) {
  case RecipientRefusal::unknown:
    return "unknown";
  case RecipientRefusal::blocked:
    return "blocked";
  case RecipientRefusal::foreign:
    return "foreign";
  case RecipientRefusal::full: // not the table's to know
    break;
  }
  return "?";
}

std::string judge(const RecipientTable& table, std::string_view address) {
  return judge(table, ForwardPath(mailbox(address)));
}

RecipientTable example() {
  RecipientTable table;
  assert_true(table.add_domain(*Domain::parse("example.com"), 1).has_value());
  assert_true(table.add_domain(*Domain::parse("strict.example"), std::nullopt).has_value());
  assert_true(table.add_domain(*Domain::parse("xn--bcher-kva.example"), 2).has_value());
  assert_true(table.add_route(mailbox("alice@example.com"), 3).has_value());
  assert_true(table.add_route(mailbox("bob@strict.example"), 4).has_value());
  assert_true(table.add_block(mailbox("old-shop@example.com")).has_value());
  return table;
}

void recipients_go_to_the_most_particular_account(void**) {
  const auto table = example();
  const struct {
    std::string_view address, result;
  } rows[] = {
      {"anything@example.com", "1 anything@example.com"},
      {"Any.Thing@EXAMPLE.COM", "1 Any.Thing@example.com"},
      {"alice@example.com", "3 alice@example.com"},
      {"\"ALICE\"@Example.com", "3 ALICE@example.com"},
      {"bob@strict.example", "4 bob@strict.example"},
      {"eve@strict.example", "unknown"},
      {"old-shop@example.com", "blocked"},
      {"\"OLD-\\shop\"@Example.com", "blocked"},
      {"old-shop@strict.example", "unknown"},
      {"x@b\xc3\xbc"
       "cher.example",
       "2 x@b\xc3\xbc"
       "cher.example"},
      {"a@sub.example.com", "foreign"},
      {"a@example.org", "foreign"},
      {"a@[127.0.0.1]", "foreign"},
  };
  for (const auto& row : rows)
    assert_text_equal(judge(table, row.address), row.result);
}

void postmaster_always_has_an_account(void**) {
  auto table = example();
  assert_text_equal(judge(table, Postmaster()), "1 postmaster@example.com");
  assert_text_equal(judge(table, "PostMaster@strict.example"), "1 PostMaster@strict.example");
  assert_true(table.add_route(mailbox("postmaster@example.com"), 9).has_value());
  assert_text_equal(judge(table, Postmaster()), "9 postmaster@example.com");
  assert_text_equal(judge(table, "postmaster@strict.example"), "9 postmaster@strict.example");
  assert_true(table.add_block(mailbox("postmaster@example.com")).has_value());
  assert_text_equal(judge(table, "postmaster@example.com"), "blocked");
  assert_text_equal(judge(table, Postmaster()), "9 postmaster@example.com");
}

void postmaster_falls_back_to_the_first_catch_all(void**) {
  RecipientTable table;
  assert_text_equal(judge(table, Postmaster()), "unknown");
  assert_true(table.add_domain(*Domain::parse("a.example"), std::nullopt).has_value());
  assert_text_equal(judge(table, Postmaster()), "unknown");
  assert_true(table.add_domain(*Domain::parse("b.example"), 7).has_value());
  assert_text_equal(judge(table, Postmaster()), "7 postmaster@a.example");
}

void a_block_beats_a_route_whichever_comes_first(void**) {
  auto table = example();
  assert_true(table.add_block(mailbox("alice@example.com")).has_value());
  assert_true(table.add_route(mailbox("old-shop@example.com"), 5).has_value());
  assert_text_equal(judge(table, "alice@example.com"), "blocked");
  assert_text_equal(judge(table, "old-shop@example.com"), "blocked");
}

void contradictions_are_refused(void**) {
  auto table = example();
  assert_text_equal(table.add_domain(*Domain::parse("EXAMPLE.com"), 5).error().text,
                    "domain example.com is given twice");
  assert_text_equal(table.add_route(mailbox("ALICE@example.com"), 5).error().text,
                    "address ALICE@example.com is given twice");
  assert_text_equal(table.add_route(mailbox("a@example.org"), 5).error().text,
                    "address a@example.org is at no domain of this server");
  assert_false(table.add_block(mailbox("a@example.org")).has_value());
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(recipients_go_to_the_most_particular_account),
      cmocka_unit_test(postmaster_always_has_an_account),
      cmocka_unit_test(postmaster_falls_back_to_the_first_catch_all),
      cmocka_unit_test(a_block_beats_a_route_whichever_comes_first),
      cmocka_unit_test(contradictions_are_refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
