// The parser of POP3 commands: what each verb takes, and what it refuses.
#include "libpop3/command_parser.h"
#include "tests/unit/check.h"

#include <string>

using namespace letterlock::pop3;

namespace {

template <class C> C parsed(std::string_view line) {
  const auto command = parse_command(line);
  if (!command || !std::holds_alternative<C>(*command))
    fail_msg("not taken: %.*s", static_cast<int>(line.size()), line.data());
  return std::get<C>(*command);
}

void keywords_are_taken_in_any_case(void**) {
  parsed<command::Stat>("STAT");
  parsed<command::Stat>("stat");
  parsed<command::Noop>("nOoP");
  parsed<command::Rset>("RSET");
  parsed<command::Capa>("CAPA");
  parsed<command::Quit>("QUIT");
  parsed<command::Stls>("STLS");
  parsed<command::Utf8>("utf8");
}

void spaces_at_the_end_are_ignored(void**) {
  parsed<command::Stat>("STAT ");
  assert_false(parsed<command::List>("LIST  ").message.has_value());
  assert_int_equal(parsed<command::Retrieve>("RETR 2 ").message.value(), 2);
}

void numbers_are_taken(void**) {
  assert_false(parsed<command::List>("LIST").message.has_value());
  assert_int_equal(parsed<command::List>("LIST 7").message->value(), 7);
  assert_false(parsed<command::Uidl>("UIDL").message.has_value());
  assert_int_equal(parsed<command::Uidl>("UIDL 4294967295").message->value(), 4294967295u);
  assert_int_equal(parsed<command::Retrieve>("RETR 1").message.index(), 0);
  assert_int_equal(parsed<command::Dele>("DELE 007").message.value(), 7);
  const auto top = parsed<command::Retrieve>("TOP 3 0");
  assert_int_equal(top.message.value(), 3);
  assert_int_equal(*top.extent.body_lines, 0);
  // RFC 1939 §7: any number that is not negative.
  for (const char* line : {"TOP 3 4294967295", "TOP 3 4294967296", "TOP 3 99999999999999999999999"})
    assert_int_equal(*parsed<command::Retrieve>(line).extent.body_lines, 4294967295u);
  assert_false(parsed<command::Retrieve>("RETR 1").extent.body_lines.has_value());
}

void a_user_name_is_one_word_of_any_script(void**) {
  assert_text_equal(parsed<command::User>("USER me@example.com").name, "me@example.com");
  assert_text_equal(parsed<command::User>("user gr\xc3\xbcn ").name, "gr\xc3\xbcn");
}

void a_password_keeps_its_spaces(void**) {
  assert_text_equal(parsed<command::Pass>("PASS secret").password.reveal(), "secret");
  assert_text_equal(parsed<command::Pass>("PASS  a b ").password.reveal(), " a b ");
  assert_text_equal(parsed<command::Pass>("pass \t\xc3\xbc").password.reveal(), "\t\xc3\xbc");
}

void auth_plain_may_bring_its_response(void**) {
  assert_false(parsed<command::Auth>("AUTH PLAIN").response.has_value());
  assert_false(parsed<command::Auth>("auth plain ").response.has_value());
  // NUL, "me", NUL, "a b".
  const auto response = parsed<command::Auth>("AUTH PLAIN AG1lAGEgYg==").response;
  assert_text_equal((*response)->user, "me");
  assert_text_equal((*response)->password.reveal(), "a b");
  assert_true(parsed<command::Auth>("AUTH PLAIN =").response->error() == PlainFault::malformed);
  assert_true(parsed<command::Auth>("AUTH PLAIN *").response->error() == PlainFault::cancelled);
}

void faults_are_named(void**) {
  const struct {
    std::string line;
    SyntaxFault fault;
  } rows[] = {
      {"", SyntaxFault::unknown_command},
      {" STAT", SyntaxFault::unknown_command},
      {"STATS", SyntaxFault::unknown_command},
      {"STA", SyntaxFault::unknown_command},
      {"APOP a b", SyntaxFault::unknown_command},
      {"\xff\xfe", SyntaxFault::unknown_command},
      {"STAT 1", SyntaxFault::surplus_argument},
      {"QUIT now", SyntaxFault::surplus_argument},
      {"LIST -1", SyntaxFault::bad_message_number},
      {"LIST +1", SyntaxFault::bad_message_number},
      {"LIST 0", SyntaxFault::bad_message_number},
      {"LIST 0x1", SyntaxFault::bad_message_number},
      {"LIST 1a", SyntaxFault::bad_message_number},
      {"LIST \t1", SyntaxFault::bad_message_number},
      {"LIST  1", SyntaxFault::bad_message_number},
      {"LIST 4294967296", SyntaxFault::bad_message_number},
      {"LIST 99999999999999999999", SyntaxFault::bad_message_number},
      {"LIST 1 2", SyntaxFault::surplus_argument},
      {"UIDL 1 2", SyntaxFault::surplus_argument},
      {"RETR", SyntaxFault::missing_argument},
      {"RETR 1 2", SyntaxFault::surplus_argument},
      {"DELE ", SyntaxFault::missing_argument},
      {"TOP", SyntaxFault::missing_argument},
      {"TOP 1", SyntaxFault::missing_argument},
      {"TOP x 1", SyntaxFault::bad_message_number},
      {"TOP 1 -1", SyntaxFault::bad_line_count},
      {"TOP 1 99999999999x", SyntaxFault::bad_line_count},
      {"TOP 1 +1", SyntaxFault::bad_line_count},
      {"TOP 1 2 3", SyntaxFault::surplus_argument},
      {"USER", SyntaxFault::missing_argument},
      {"USER  a", SyntaxFault::bad_user_name},
      {"USER a b", SyntaxFault::surplus_argument},
      {"USER a\tb", SyntaxFault::bad_user_name},
      {"USER " + std::string(max_user_name + 1, 'a'), SyntaxFault::bad_user_name},
      {"AUTH", SyntaxFault::missing_argument},
      {"AUTH LOGIN", SyntaxFault::unknown_mechanism},
      {"AUTH PLAINS", SyntaxFault::unknown_mechanism},
      {"AUTH  PLAIN", SyntaxFault::unknown_mechanism},
      {"AUTH PLAIN AG1lAGEgYg== x", SyntaxFault::surplus_argument},
      {"UTF8 USER", SyntaxFault::surplus_argument},
      {"PASS", SyntaxFault::missing_argument},
      {"PASS ", SyntaxFault::missing_argument},
      {"PASS " + std::string(max_password + 1, 'a'), SyntaxFault::bad_password},
  };
  for (const auto& row : rows) {
    const auto command = parse_command(row.line);
    if (command || command.error() != row.fault)
      fail_msg("%s: %s", row.line.c_str(),
               command ? "taken" : std::string(text_of(command.error())).c_str());
  }
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(keywords_are_taken_in_any_case),
      cmocka_unit_test(spaces_at_the_end_are_ignored),
      cmocka_unit_test(numbers_are_taken),
      cmocka_unit_test(a_user_name_is_one_word_of_any_script),
      cmocka_unit_test(a_password_keeps_its_spaces),
      cmocka_unit_test(auth_plain_may_bring_its_response),
      cmocka_unit_test(faults_are_named),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
