// The snapshot of a maildrop and the marks in it.
#include "pop3d/maildrop.h"
#include "tests/unit/check.h"

#include <string>

using namespace letterlock::pop3d;

namespace {

Maildrop three_messages() {
  Maildrop maildrop;
  for (const std::uint64_t size : {10u, 200u, 3000u})
    maildrop.add(*MaildropEntry::from(size, "id" + std::to_string(size)));
  return maildrop;
}

MessageNumber number(std::string_view digits) {
  return *MessageNumber::parse(digits);
}

void entries_are_checked(void**) {
  assert_true(MaildropEntry::from(0, "a").has_value());
  assert_true(MaildropEntry::from(max_wire_size, std::string(max_uidl, '~')).has_value());
  assert_false(MaildropEntry::from(max_wire_size + 1, "a").has_value());
  assert_false(MaildropEntry::from(1, "").has_value());
  assert_false(MaildropEntry::from(1, std::string(max_uidl + 1, 'a')).has_value());
  for (const char* bad : {"a b", "a\r\n", "\x7f", "\xc3\xbc"})
    assert_false(MaildropEntry::from(1, bad).has_value());
}

void entries_are_found_again(void**) {
  const Maildrop maildrop = three_messages();
  assert_int_equal(maildrop.size(), 3);
  assert_int_equal(maildrop.octets(), 3210);
  assert_int_equal(maildrop.wire_size(1), 200);
  assert_text_equal(maildrop.uidl(0), "id10");
  assert_text_equal(maildrop.uidl(2), "id3000");
  assert_int_equal(*maildrop.find(number("3")), 2);
  assert_true(maildrop.find(number("4")).error() == Maildrop::Lookup::no_such_message);
  assert_true(maildrop.find(number("4294967295")).error() == Maildrop::Lookup::no_such_message);
  assert_true(Maildrop().find(number("1")).error() == Maildrop::Lookup::no_such_message);
}

void marked_messages_do_not_count(void**) {
  Maildrop maildrop = three_messages();
  maildrop.mark(2);
  maildrop.mark(0);
  assert_int_equal(maildrop.size(), 3);
  assert_int_equal(maildrop.count(), 1);
  assert_int_equal(maildrop.octets(), 200);
  assert_true(maildrop.find(number("1")).error() == Maildrop::Lookup::deleted);
  assert_true(maildrop.marked_indices() == (std::vector<std::uint32_t>{0, 2}));
  maildrop.unmark_all();
  assert_int_equal(maildrop.count(), 3);
  assert_int_equal(maildrop.octets(), 3210);
  assert_true(maildrop.marked_indices().empty());
}

void a_maildrop_is_bounded(void**) {
  Maildrop maildrop;
  const auto entry = *MaildropEntry::from(max_wire_size, "u");
  for (std::uint32_t i = 0; i < max_messages; ++i)
    if (!maildrop.add(entry))
      fail_msg("full after %u", i);
  assert_false(maildrop.add(entry));
  assert_int_equal(maildrop.size(), max_messages);
  assert_true(maildrop.octets() == max_wire_size * max_messages);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(entries_are_checked),
      cmocka_unit_test(entries_are_found_again),
      cmocka_unit_test(marked_messages_do_not_count),
      cmocka_unit_test(a_maildrop_is_bounded),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
