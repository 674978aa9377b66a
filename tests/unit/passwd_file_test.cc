// The passwords file: reading, and replacing one line.
#include "common/conf/password_file.h"
#include "tests/unit/check.h"

#include <string>

using namespace letterlock;
using namespace letterlock::conf;

namespace {

const std::string hash(53, 'h');
const std::string first = "$2b$12$" + hash;
const std::string second = "$2b$04$" + std::string(53, '/');

void a_file_is_read(void**) {
  const auto entries =
      parse_password_file("# comment: " + hash + "\n\nmain:" + first + "\nalice:" + second, "p");
  assert_true(entries.has_value());
  assert_int_equal(entries->size(), 2);
  assert_text_equal((*entries)[0].account, "main");
  assert_text_equal((*entries)[0].verifier.reveal(), first);
  assert_text_equal((*entries)[1].account, "alice");
  assert_text_equal((*entries)[1].verifier.reveal(), second);
  assert_true(parse_password_file("", "p")->empty());
}

void bad_lines_are_refused_and_never_shown(void**) {
  const std::string no_verifier = "what follows the colon is no bcrypt verifier ($2b$, cost 4 to "
                                  "16); run letterlock passwd main";
  const std::string no_account =
      "there is no account name before the colon; write ACCOUNT:VERIFIER";
  struct {
    std::string text, error;
  } const cases[] = {
      {"main\n", "p:1: the line has no colon; write ACCOUNT:VERIFIER, or run letterlock passwd"},
      {"main:" + first + "\n\n#\nMain:" + first, "p:4: " + no_account},
      {":" + first, "p:1: " + no_account},
      {" main:" + first, "p:1: " + no_account},
      {"main:hunter2\n", "p:1: " + no_verifier},
      {"main:" + first + "\r\n", "p:1: " + no_verifier},
      {"main:" + first + "h\n", "p:1: " + no_verifier},
      {"main:" + first.substr(0, 59) + "\n", "p:1: " + no_verifier},
      {"main: " + first + "\n", "p:1: " + no_verifier},
      {"main:$2a$12$" + hash, "p:1: " + no_verifier},
      {"main:$6$12$" + hash + "h", "p:1: " + no_verifier},
      {"main:$2b$03$" + hash, "p:1: " + no_verifier},
      {"main:$2b$17$" + hash, "p:1: " + no_verifier},
      {"main:$2b$-4$" + hash, "p:1: " + no_verifier},
      {"main:$2b$12$" + hash.substr(1) + ":", "p:1: " + no_verifier},
      {std::string("main:$2b$12$") + '\0' + hash.substr(1), "p:1: " + no_verifier},
      {"main:" + first + "\nmain:" + second,
       "p:2: account main is there already; remove one of the lines"},
      {std::string(max_password_file_size + 1, '\n'), "p: the file is longer than 1048576 bytes"},
  };
  for (const auto& c : cases) {
    const auto entries = parse_password_file(c.text, "p");
    assert_text_equal(entries ? "accepted: " + c.text : entries.error().text, c.error);
  }
}

void one_line_is_replaced_and_the_rest_kept(void**) {
  const Verifier verifier = *parse_verifier(second);
  struct {
    std::string before, after;
  } const cases[] = {
      {"", "main:" + second + "\n"},
      {"main:" + first, "main:" + second + "\n"},
      {"# top\n\nmain:" + first + "\nmainly:" + first + "\n#main:x\n",
       "# top\n\nmain:" + second + "\nmainly:" + first + "\n#main:x\n"},
      {"alice:" + first, "alice:" + first + "\nmain:" + second + "\n"},
  };
  for (const auto& c : cases)
    assert_text_equal(with_password(c.before, AccountName("main"), verifier), c.after);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_file_is_read),
      cmocka_unit_test(bad_lines_are_refused_and_never_shown),
      cmocka_unit_test(one_line_is_replaced_and_the_rest_kept),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
