// Host names as an administrator writes them, and the names that they stand for.
#include "common/base/host_pattern.h"
#include "tests/unit/check.h"

#include <string>

using namespace letterlock;

namespace {

void names_and_domains_match(void**) {
  const struct {
    std::string_view pattern, name;
    bool matches;
  } cases[] = {
      {"mail.example.com", "mail.example.com", true},
      {"MAIL.Example.com", "mail.example.com", true},
      {"mail.example.com", "a.mail.example.com", false},
      {"mail.example.com", "xmail.example.com", false},
      {"mail.example.com", "example.com", false},
      {"mail.example.com", "mail.example.com.evil.example", false},
      {"mail.example.com", "", false},
      {".example.com", "mail.example.com", true},
      {".example.com", "a.b.c.example.com", true},
      {".example.com", "example.com", false},
      {".example.com", ".example.com", false},
      {".example.com", "badexample.com", false},
      {".example.com", "mail.example.com.evil.example", false},
      {"*.example.com", "mail.example.com", true},
      {"*.example.com", "a.b.example.com", true},
      {"*.example.com", "example.com", false},
      {".lan", "mail.lan", true},
  };
  for (const auto& [text, name, matches] : cases) {
    const auto pattern = HostPattern::parse(text);
    assert_true(pattern.has_value());
    if (pattern->matches(name) != matches)
      fail_msg("%s and %s", std::string(text).c_str(), std::string(name).c_str());
  }
}

void both_ways_to_write_a_domain_are_one(void**) {
  assert_true(HostPattern::parse("*.Example.com") == HostPattern::parse(".example.com"));
  assert_text_equal(HostPattern::parse("*.Example.com")->text(), ".example.com");
  assert_text_equal(HostPattern::parse("Mail.Example.com")->text(), "mail.example.com");
}

void what_is_no_name_is_refused(void**) {
  const std::string label(63, 'a');
  const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'a');
  assert_true(HostPattern::parse(longest).has_value());
  assert_true(HostPattern::parse('.' + longest).has_value());
  for (const std::string& bad : {std::string(),
                                 std::string("."),
                                 std::string("*"),
                                 std::string("*."),
                                 std::string("mail"),
                                 std::string("localhost"),
                                 std::string("a..b"),
                                 std::string("a.b."),
                                 std::string("..a.b"),
                                 std::string("*.*.example.com"),
                                 std::string("mail.*.com"),
                                 std::string("*mail.example.com"),
                                 std::string("-a.example"),
                                 std::string("a-.example"),
                                 std::string("a_b.example"),
                                 std::string("a b.example"),
                                 std::string("a\0b.example", 11),
                                 std::string("192.0.2.1"),
                                 std::string("192.0.2.300"),
                                 std::string("192.0.2.1/24"),
                                 std::string(".2"),
                                 std::string("2001:db8::1"),
                                 std::string("b\xc3\xbc"
                                             "cher.example"),
                                 label + "a.example",
                                 longest + 'a',
                                 longest + ".a"})
    if (HostPattern::parse(bad))
      fail_msg("%s was taken", bad.c_str());
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(names_and_domains_match),
      cmocka_unit_test(both_ways_to_write_a_domain_are_one),
      cmocka_unit_test(what_is_no_name_is_refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
