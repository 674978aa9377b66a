// The strict pass over lines, and that inih then reads what is meant.
#include "common/conf/ini.h"
#include "common/conf/line_reader.h"
#include "tests/unit/check.h"

#include <string>

using namespace letterlock;

namespace {

struct Case {
  std::string text;
  std::string error;
};

void bad_lines_are_refused_with_their_number(void**) {
  const std::string not_a_line =
      "the line is neither a section, a comment nor a setting; write key = value";
  const std::string inline_comment =
      "there is a comment after the value; write it on a line of its own";
  const std::string indented =
      "the line is indented; remove the blanks before it, or end the line before with a comma if a "
      "list goes on here";
  const std::string bad_section =
      " is no section; write [section] or [section name], with one space";
  const Case cases[] = {
      {"\xef\xbb\xbf[server]\n",
       "f:1: the file begins with a byte order mark; save it as UTF-8 without one"},
      {"[server]\r\n", "f:1: the line ends in CR LF; save the file with LF line ends"},
      {"[server]\nk = a\rb\n", "f:2: there is a control character in the line; remove it"},
      {std::string("[server]\nk = a\0b\n", 15),
       "f:2: there is a control character in the line; remove it"},
      {"# a comment with \x1b[31m\n", "f:1: there is a control character in the line; remove it"},
      {"[server]\n" + std::string(199, 'k'), "f:2: the line has 199 bytes; write at most 198"},
      {"#" + std::string(300, 'c'), "f:1: the line has 301 bytes; write at most 198"},
      {"[server]\nk = v\n more\n", "f:3: " + indented},
      {" [server]\n", "f:1: " + indented},
      {"[server]\n k = v\n", "f:2: " + indented},
      {"[server]\nk = v,\n\tw\n x\n", "f:4: " + indented},
      {"[server]\nk = v,\n w ; c\n", "f:3: " + inline_comment},
      {"[server]\nkey: v\n", "f:2: " + not_a_line},
      {"[server]\nkey: v = w\n", "f:2: " + not_a_line},
      {"[server]\n\n# c\nword\n", "f:4: " + not_a_line},
      {"[server]\n= v\n", "f:2: " + not_a_line},
      {"[server]\nKey = v\n", "f:2: " + not_a_line},
      {"[server]\ntwo words = v\n", "f:2: " + not_a_line},
      {"[server]\nk = v ; c\n", "f:2: " + inline_comment},
      {"[server]\nk = v\t# c\n", "f:2: " + inline_comment},
      {"[server]\nk =;c\n", "f:2: " + inline_comment},
      {"[server] junk\n", "f:1: there is text after ]; write it on a line of its own"},
      {"[server] ; c\n", "f:1: there is text after ]; write it on a line of its own"},
      {"[a]b]\n", "f:1: there is text after ]; write it on a line of its own"},
      {"[server\n", "f:1: there is no ] in the line; write [section] or [section name]"},
      {"[]\n", "f:1: \"[]\"" + bad_section},
      {"[ server ]\n", "f:1: \"[ server ]\"" + bad_section},
      {"[domain  two.example]\n", "f:1: \"[domain  two.example]\"" + bad_section},
      {"[domain a b]\n", "f:1: \"[domain a b]\"" + bad_section},
      {"[domain ]\n", "f:1: \"[domain ]\"" + bad_section},
      {"[domain ;x]\n", "f:1: \"[domain ;x]\"" + bad_section},
      {"[address " + std::string(42, 'a') + "]\n",
       "f:1: the name of the section has 50 bytes; write at most 49"},
      {"[server]\n" + std::string(50, 'k') + " = v\n",
       "f:2: the key has 50 bytes; write at most 49"},
      {"k = v\n", "f:1: there is a setting before the first section; write [server] before it"},
  };
  for (const Case& c : cases) {
    const auto lines = conf::read_lines(c.text, "f");
    assert_text_equal(lines ? "accepted: " + c.text : lines.error().text, c.error);
  }
}

void good_lines_keep_their_numbers(void**) {
  const auto good = conf::read_lines("# c\n\n[domain a.b]  \n ; indented\nk\t=\t v w\t", "f");
  assert_true(good.has_value());
  assert_int_equal(good->size(), 2);
  assert_int_equal((*good)[0].number, 3);
  assert_text_equal((*good)[0].name, "domain");
  assert_text_equal((*good)[0].argument, "a.b");
  assert_int_equal((*good)[1].number, 5);
  assert_text_equal((*good)[1].name, "k");
}

void inih_gives_the_values(void**) {
  const auto document = conf::parse_ini("[server]\n"
                                        "a = 1\n"
                                        "b=x = y: z;w#v\n"
                                        "c =\n"
                                        "[account main]\n"
                                        "\n"
                                        "[account \xc3\xbc]\n"
                                        "# [account none]\n"
                                        "d = \"quoted\"  \n"
                                        "e = a,\n"
                                        "# the next\n"
                                        "\n"
                                        "  [::1]:25,  \n"
                                        "\tb = c\n"
                                        "[last]\n",
                                        "f");
  assert_text_equal(document ? "" : document.error().text, "");
  std::string shown;
  for (const conf::Section& section : document->sections) {
    shown += section.origin + ' ' + section.heading() + '\n';
    for (const conf::Setting& setting : section.settings)
      shown += setting.origin + ' ' + setting.key + '|' + setting.value + "|\n";
  }
  assert_text_equal(shown, "f:1 [server]\n"
                           "f:2 a|1|\n"
                           "f:3 b|x = y: z;w#v|\n"
                           "f:4 c||\n"
                           "f:5 [account main]\n"
                           "f:7 [account \xc3\xbc]\n"
                           "f:9 d|\"quoted\"|\n"
                           "f:10 e|a, [::1]:25, b = c|\n"
                           "f:15 [last]\n");
}

// The bounds of the strict pass are those of inih: the longest that pass are read whole.
void inih_cuts_nothing_that_passes(void**) {
  const std::string key(conf::max_key_length, 'k');
  const std::string name = "address " + std::string(conf::max_heading_length - 8, 'a');
  const std::string value(conf::max_line_length - key.size() - 3, 'v');
  for (const std::string end : {"\n", "", "\nx = y\n"}) {
    const auto document = conf::parse_ini('[' + name + "]\n" + key + " = " + value + end, "f");
    assert_text_equal(document ? "" : document.error().text, "");
    const conf::Section& section = document->sections.at(0);
    assert_text_equal(section.heading(), '[' + name + ']');
    assert_text_equal(section.settings.at(0).key, key);
    assert_text_equal(section.settings.at(0).value, value);
  }
}

void an_empty_file_is_an_empty_document(void**) {
  for (const std::string text : {"", "\n", "# only a comment"}) {
    const auto document = conf::parse_ini(text, "f");
    assert_true(document.has_value());
    assert_true(document->sections.empty());
  }
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(bad_lines_are_refused_with_their_number),
      cmocka_unit_test(good_lines_keep_their_numbers),
      cmocka_unit_test(inih_gives_the_values),
      cmocka_unit_test(inih_cuts_nothing_that_passes),
      cmocka_unit_test(an_empty_file_is_an_empty_document),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
