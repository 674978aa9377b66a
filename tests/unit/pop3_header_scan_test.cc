// Which headers need UTF-8 mode, however they are cut.
#include "libpop3/header_scan.h"
#include "tests/unit/check.h"

#include <string>

using namespace letterlock::pop3;
using Verdict = HeaderScan::Verdict;

namespace {

Verdict scan(const std::string& stored, std::size_t piece) {
  HeaderScan header;
  Verdict verdict = Verdict::open;
  for (std::size_t at = 0; at < stored.size() && verdict == Verdict::open; at += piece)
    verdict = header.append(std::string_view(stored).substr(at, piece));
  return verdict == Verdict::open ? header.finish() : verdict;
}

const std::string trace = "Return-Path: <a@b>\nReceived: from c ([192.0.2.1]) by d\n"
                          "\twith UTF8SMTPS (TLSv1.3 X) id 1;\n\tMon, 1 Jan 2026 00:00:00 +0000\n";
const std::string field = trace + "Subject: ";

const struct {
  std::string stored;
  Verdict verdict;
} rows[] = {
    {"", Verdict::plain},
    {"\n", Verdict::plain},
    {field + "plain\n\nbody", Verdict::plain},
    {field + "plain\n\nb\xc3\xb6"
             "dy",
     Verdict::plain},
    {"\n" + field + "gr\xc3\xbcn\n", Verdict::plain},
    {field + "gr\xc3\xbcn\n\nbody", Verdict::utf8},
    {field + "gr\xc3\xbcn\n", Verdict::utf8},
    {field + "gr\xc3\xbcn", Verdict::utf8},
    {field + "plain\nTo: \xe2\x82\xac\n\nb", Verdict::utf8},
    {field + "\xf0\x9f\x92\x8c\n\n", Verdict::utf8},
    {field + "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\n\n", Verdict::utf8},
    {"Delivered-To: gr\xc3\xbcn@d\n" + field + "plain\n\n", Verdict::utf8},
    // A CR alone ends the header as well, as files of other programs have it.
    {field + "a\r\n\r\nTo: \xc3\xbc\n\n", Verdict::plain},
    {field + "a\r\n\r\rTo: \xc3\xbc\n\n", Verdict::utf8},
    // What does not say that it is international is sent as ever.
    {"Subject: gr\xc3\xbcn\n\n", Verdict::plain},
    {"Received: from c by d with ESMTPS id 1; x\nSubject: gr\xc3\xbcn\n\n", Verdict::plain},
    {"Received: from c by d with ESMTPS id 1; x\n" + field + "gr\xc3\xbcn\n\n", Verdict::plain},
    {"Subject: with UTF8SMTP gr\xc3\xbcn\n\n", Verdict::plain},
    {"Received: from c by d with\n\nUTF8SMTP \xc3\xbc\n", Verdict::plain},
    {"Received: from c by UTF8SMTP with x\nSubject: \xc3\xbc\n\n", Verdict::plain},
    {"Received: with UTF8SMT\nSubject: \xc3\xbc\n\n", Verdict::plain},
    // Whatever it looks like.
    {"received:with utf8smtp\nSubject: \xc3\xbc\n\n", Verdict::utf8},
    {"Received: x WITH\n  UTF8SMTPSA\nSubject: \xc3\xbc\n\n", Verdict::utf8},
    {"Received: x with\r\n\tUTF8SMTP\r\nSubject: \xc3\xbc\r\n\r\n", Verdict::utf8},
    {"Subject: \xc3\xbc\nReceived: x with UTF8SMTP", Verdict::utf8},
    // Nor what is no UTF-8.
    {field + "gr\xfcn\n\n", Verdict::plain},
    {field + "gr\xc3\xbcn\nTo: \xfc\n\n", Verdict::plain},
    {field + "\xc3\n\n", Verdict::plain},
    {field + "\xc3", Verdict::plain},
    {field + "\xc3x\n\n", Verdict::plain},
    {field + "\x80\n\n", Verdict::plain},
    {field + "\xc1\x81\n\n", Verdict::plain},         // overlong
    {field + "\xe0\x9f\xbf\n\n", Verdict::plain},     // overlong
    {field + "\xf0\x8f\xbf\xbf\n\n", Verdict::plain}, // overlong
    {field + "\xed\xa0\x80\n\n", Verdict::plain},     // a surrogate
    {field + "\xf4\x90\x80\x80\n\n", Verdict::plain}, // beyond U+10FFFF
    {field + "\xf5\x80\x80\x80\n\n", Verdict::plain},
};

void headers_are_judged_however_they_are_cut(void**) {
  for (const auto& row : rows)
    for (std::size_t piece = 1; piece <= row.stored.size() + 1; ++piece)
      if (scan(row.stored, piece) != row.verdict)
        fail_msg("in pieces of %zu: %s", piece, row.stored.c_str());
}

void a_verdict_stays(void**) {
  HeaderScan header;
  assert_true(header.append("a\n\n") == Verdict::plain);
  assert_true(header.append(trace + "gr\xc3\xbcn\n\n") == Verdict::plain);
  assert_true(header.finish() == Verdict::plain);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(headers_are_judged_however_they_are_cut),
      cmocka_unit_test(a_verdict_stays),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
