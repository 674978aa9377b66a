// Dates and the trace fields.
#include "common/mail/trace.h"
#include "tests/unit/check.h"

#include <cstdint>
#include <limits>

using namespace letterlock;
using namespace letterlock::mail;

namespace {

void dates_are_those_of_rfc_5322(void**) {
  struct {
    WallTime when;
    std::string_view text;
  } const table[] = {
      {{0, 0}, "Thu, 1 Jan 1970 00:00:00 +0000"},
      {{951782400, 0}, "Tue, 29 Feb 2000 00:00:00 +0000"},
      {{1795300059, 60}, "Sat, 21 Nov 2026 23:27:39 +0100"},
      {{0, -210}, "Wed, 31 Dec 1969 20:30:00 -0330"},
      {{-1, 0}, "Wed, 31 Dec 1969 23:59:59 +0000"},
      {{1795300059, 345}, "Sun, 22 Nov 2026 04:12:39 +0545"},
      {{std::numeric_limits<std::int64_t>::max(), 0}, "Thu, 30 Dec 9999 00:00:00 +0000"},
      {{std::numeric_limits<std::int64_t>::min(), 0}, "Tue, 2 Jan 1900 00:00:00 +0000"},
      {{0, std::numeric_limits<int>::max()}, "Thu, 1 Jan 1970 23:59:00 +2359"},
  };
  for (const auto& row : table)
    assert_text_equal(date_time(row.when), row.text);
}

Received example() {
  Received received;
  received.from_name = HelloName::parse("client.example.net");
  received.from_address = AddressLiteral::ipv4({192, 0, 2, 7});
  received.by = "mx.example.com";
  received.with = {.extended = true};
  received.id = "0123456789abcdef0123456789abcdef";
  received.when = {1795300059, 0};
  return received;
}

void received_is_short_when_little_is_known(void**) {
  auto received = example();
  received.with = {};
  received.from_name.reset();
  received.id = "1";
  assert_text_equal(received_field(received),
                    "Received: from [192.0.2.7] by mx.example.com with SMTP id 1;\n"
                    "\tSat, 21 Nov 2026 22:27:39 +0000\n");
}

void received_shows_tls_and_the_only_recipient_and_is_folded(void**) {
  auto received = example();
  received.with.tls = true;
  received.tls = TlsInfo{"TLSv1.3", "AEAD-AES256-GCM-SHA384"};
  received.only_for = Mailbox::parse("shop@example.com");
  assert_text_equal(
      received_field(received),
      "Received: from client.example.net ([192.0.2.7]) by mx.example.com with ESMTPS\n"
      "\t(TLSv1.3 AEAD-AES256-GCM-SHA384) id 0123456789abcdef0123456789abcdef\n"
      "\tfor <shop@example.com>;\n"
      "\tSat, 21 Nov 2026 22:27:39 +0000\n");
}

void no_line_of_received_is_longer_than_its_longest_phrase(void**) {
  auto received = example();
  received.from_name = HelloName::parse(std::string(255, 'h'));
  received.by = *Text<255>::from(std::string(255, 'b'));
  const auto field = received_field(received);
  std::string_view rest = field;
  int lines = 0;
  for (; !rest.empty(); ++lines) {
    const auto end = rest.find('\n');
    assert_true(end != std::string_view::npos);
    assert_true(end <= 10 + 5 + 255 + 14);
    assert_true(lines == 0 || rest.front() == '\t');
    rest.remove_prefix(end + 1);
  }
  assert_int_equal(lines, 4);
}

void with_is_one_of_the_registered_names(void**) {
  assert_text_equal(WithProtocol{}.text(), "SMTP");
  assert_text_equal((WithProtocol{.tls = true}).text(), "SMTP");
  assert_text_equal((WithProtocol{.extended = true}).text(), "ESMTP");
  assert_text_equal((WithProtocol{.extended = true, .tls = true}).text(), "ESMTPS");
  assert_text_equal((WithProtocol{.extended = true, .authenticated = true}).text(), "ESMTPA");
  assert_text_equal((WithProtocol{.extended = true, .tls = true, .authenticated = true}).text(),
                    "ESMTPSA");
  assert_text_equal((WithProtocol{.extended = true, .utf8 = true}).text(), "UTF8SMTP");
  assert_text_equal((WithProtocol{.extended = true, .tls = true, .utf8 = true}).text(),
                    "UTF8SMTPS");
}

void the_other_fields_are_one_line(void**) {
  assert_text_equal(return_path_field(ReversePath()), "Return-Path: <>\n");
  assert_text_equal(return_path_field(ReversePath(*Mailbox::parse("\"a b\"@X"))),
                    "Return-Path: <\"a b\"@x>\n");
  assert_text_equal(delivered_to_field(*Mailbox::parse("shop@example.com")),
                    "Delivered-To: shop@example.com\n");
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(dates_are_those_of_rfc_5322),
      cmocka_unit_test(received_is_short_when_little_is_known),
      cmocka_unit_test(received_shows_tls_and_the_only_recipient_and_is_folded),
      cmocka_unit_test(no_line_of_received_is_longer_than_its_longest_phrase),
      cmocka_unit_test(with_is_one_of_the_registered_names),
      cmocka_unit_test(the_other_fields_are_one_line),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
