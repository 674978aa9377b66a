// What a POP3 session knows of its maildrop: marks, and stretches of the listing.
#include "libpop3/maildrop.h"
#include "tests/unit/check.h"

#include <string>
#include <vector>

using namespace letterlock::pop3;

namespace {

MessageNumber number(std::string_view digits) {
  return *MessageNumber::parse(digits);
}

void sizes_are_checked(void**) {
  SizeStretch stretch;
  const std::vector<std::uint64_t> good = {0, max_message_size}, bad = {1, max_message_size + 1};
  assert_false(stretch.at(0).has_value());
  assert_true(stretch.assign(5, good));
  assert_false(stretch.assign(0, bad));
  assert_false(stretch.assign(0, {}));
  // What was there stays.
  assert_false(stretch.at(4).has_value());
  assert_int_equal(*stretch.at(5), 0);
  assert_int_equal(*stretch.at(6), max_message_size);
  assert_false(stretch.at(7).has_value());
}

void uidls_are_checked(void**) {
  UidlStretch stretch;
  const std::string longest(max_uidl, '~'), too_long(max_uidl + 1, 'a');
  const std::vector<std::string_view> good = {"a", longest, "!"};
  assert_false(stretch.at(0).has_value());
  assert_true(stretch.assign(7, good));
  for (const std::string_view bad :
       {std::string_view(), std::string_view(too_long), std::string_view("a b"),
        std::string_view("a\r\n"), std::string_view("\x7f"), std::string_view("\xc3\xbc")}) {
    const std::vector<std::string_view> row = {"a", bad};
    assert_false(stretch.assign(0, row));
  }
  assert_false(stretch.assign(0, {}));
  assert_false(stretch.at(6).has_value());
  assert_text_equal(*stretch.at(7), "a");
  assert_text_equal(*stretch.at(8), longest);
  assert_text_equal(*stretch.at(9), "!");
  assert_false(stretch.at(10).has_value());
}

void no_more_is_kept_than_was_asked_for(void**) {
  SizeStretch sizes;
  assert_true(sizes.assign(0, std::vector<std::uint64_t>(sizes_at_a_time + 1, 1)));
  assert_true(sizes.at(sizes_at_a_time - 1).has_value());
  assert_false(sizes.at(sizes_at_a_time).has_value());
  UidlStretch uidls;
  assert_true(uidls.assign(0, std::vector<std::string_view>(uidls_at_a_time + 1, "a")));
  assert_true(uidls.at(uidls_at_a_time - 1).has_value());
  assert_false(uidls.at(uidls_at_a_time).has_value());
}

void an_empty_maildrop_has_nothing(void**) {
  const Maildrop maildrop;
  assert_int_equal(maildrop.size(), 0);
  assert_int_equal(maildrop.count(), 0);
  assert_int_equal(maildrop.octets(), 0);
  assert_true(maildrop.find(number("1")).error() == Maildrop::Lookup::no_such_message);
  assert_true(maildrop.marked_indices().empty());
}

void numbers_find_messages(void**) {
  const Maildrop maildrop(3, 60);
  assert_int_equal(*maildrop.find(number("1")), 0);
  assert_int_equal(*maildrop.find(number("3")), 2);
  assert_true(maildrop.find(number("4")).error() == Maildrop::Lookup::no_such_message);
  assert_true(maildrop.find(number("4294967295")).error() == Maildrop::Lookup::no_such_message);
}

void marks_count_and_go(void**) {
  Maildrop maildrop(200, 1000);
  for (const std::uint32_t index : {0u, 63u, 64u, 199u})
    maildrop.mark(index, 100);
  assert_int_equal(maildrop.size(), 200);
  assert_int_equal(maildrop.count(), 196);
  assert_int_equal(maildrop.octets(), 600);
  assert_true(maildrop.find(number("64")).error() == Maildrop::Lookup::deleted);
  assert_int_equal(*maildrop.find(number("66")), 65);
  assert_true(maildrop.marked_indices() == (std::vector<std::uint32_t>{0, 63, 64, 199}));
  maildrop.unmark_all();
  assert_int_equal(maildrop.count(), 200);
  assert_int_equal(maildrop.octets(), 1000);
  assert_true(maildrop.marked_indices().empty());
  assert_int_equal(*maildrop.find(number("64")), 63);
}

// A store that contradicts itself does not make a sum of octets wrap.
void octets_never_fall_below_none(void**) {
  Maildrop maildrop(2, 10);
  maildrop.mark(0, 11);
  assert_int_equal(maildrop.octets(), 0);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(sizes_are_checked),
      cmocka_unit_test(uidls_are_checked),
      cmocka_unit_test(no_more_is_kept_than_was_asked_for),
      cmocka_unit_test(an_empty_maildrop_has_nothing),
      cmocka_unit_test(numbers_find_messages),
      cmocka_unit_test(marks_count_and_go),
      cmocka_unit_test(octets_never_fall_below_none),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
