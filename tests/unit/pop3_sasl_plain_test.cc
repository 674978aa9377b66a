// The response of SASL PLAIN in base64, and base64 itself.
#include "common/base/base64.h"
#include "libpop3/sasl_plain.h"
#include "tests/unit/check.h"

#include <array>
#include <string>

using namespace letterlock;
using namespace letterlock::pop3;

namespace {

std::string encode(std::string_view octets) {
  static const std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < octets.size(); at += 3) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (at + i < octets.size() ? static_cast<unsigned char>(octets[at + i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i)
      text += at + i <= octets.size() ? digits[bits >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

std::optional<std::string> decode(std::string_view text) {
  std::array<char, 2000> into;
  const auto size = decode_base64(text, into);
  if (!size)
    return std::nullopt;
  return std::string(into.data(), *size);
}

void base64_comes_back(void**) {
  std::string octets;
  for (int i = 0; i < 600; ++i) {
    assert_text_equal(*decode(encode(octets)), octets);
    octets += static_cast<char>(i * 7);
  }
}

// RFC 4648 §10.
void base64_is_the_usual(void**) {
  const std::pair<const char*, const char*> rows[] = {
      {"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"+/+/", "\xfb\xff\xbf"}};
  for (const auto& [text, octets] : rows)
    assert_text_equal(*decode(text), octets);
}

void base64_is_strict(void**) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "=", "====", "Zm9v\n",
                           "Zm 9", "Zm-_", "Z===", "Zg=v", "Zm9v=", "Zm\xc3\xbc"})
    if (decode(text))
      fail_msg("taken: %s", text);
}

void base64_stays_in_its_place(void**) {
  std::array<char, 5> into;
  assert_false(decode_base64("Zm9vYmFy", into).has_value());
  assert_int_equal(*decode_base64("Zm9vYmE=", into), 5);
}

std::string message(std::string_view acting_as, std::string_view user, std::string_view password) {
  std::string text(acting_as);
  text += '\0';
  text += user;
  text += '\0';
  return encode(text.append(password));
}

void names_and_passwords_are_found(void**) {
  const std::string longest_name(max_user_name, 'n'), longest_password(max_password, 'p');
  const struct {
    std::string acting_as, user, password;
  } rows[] = {{"", "me", "secret"},
              {"", "me@example.com", " a b "},
              {"me", "me", "x"},
              {"", "gr\xc3\xbcn", "\xc3\xbc\t"},
              {longest_name, longest_name, longest_password}};
  for (const auto& row : rows) {
    const auto parsed = parse_plain(message(row.acting_as, row.user, row.password));
    assert_true(parsed.has_value());
    assert_text_equal(parsed->user, row.user);
    assert_text_equal(parsed->password.reveal(), row.password);
  }
}

void faults_are_told_apart(void**) {
  const struct {
    std::string response;
    PlainFault fault;
  } rows[] = {
      {"*", PlainFault::cancelled},
      {"**", PlainFault::malformed},
      {"", PlainFault::malformed},
      {"=", PlainFault::malformed},
      {"nonsense", PlainFault::malformed},
      {encode("me"), PlainFault::malformed},
      {encode(std::string("me\0secret", 9)), PlainFault::malformed},
      {message("", "", "x"), PlainFault::malformed},
      {message("", "me", ""), PlainFault::malformed},
      {message("", "me", std::string("a\0b", 3)), PlainFault::malformed},
      {message("", "m\r\ne", "x"), PlainFault::malformed},
      {message("", std::string(max_user_name + 1, 'n'), "x"), PlainFault::malformed},
      {message("", "me", std::string(max_password + 1, 'p')), PlainFault::malformed},
      {message("", "me", std::string(4000, 'p')), PlainFault::malformed},
      {message("you", "me", "x"), PlainFault::foreign},
      {message("ME", "me", "x"), PlainFault::foreign},
  };
  for (const auto& row : rows) {
    const auto parsed = parse_plain(row.response);
    if (parsed || parsed.error() != row.fault)
      fail_msg("%s: taken for something else", row.response.c_str());
  }
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(base64_comes_back),
      cmocka_unit_test(base64_is_the_usual),
      cmocka_unit_test(base64_is_strict),
      cmocka_unit_test(base64_stays_in_its_place),
      cmocka_unit_test(names_and_passwords_are_found),
      cmocka_unit_test(faults_are_told_apart),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
