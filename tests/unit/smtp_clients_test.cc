// Dialogues as clients in the field have them, well brought up or not; each row is one that was
// seen, or that somebody will try.
#include "tests/unit/smtp_talk.h"

#include <string>
#include <string_view>

using namespace letterlock;
using namespace letterlock::smtpd;
using namespace letterlock::test;

namespace {

// The codes of all replies, enhanced ones too where there are any: "250 2.1.0, 354".
std::string codes_of(std::string_view wire) {
  std::string codes;
  while (!wire.empty()) {
    const auto line = wire.substr(0, wire.find("\r\n"));
    wire.remove_prefix(line.size() + 2);
    if (line[3] == '-')
      continue;
    if (!codes.empty())
      codes += ", ";
    const bool enhanced = line.size() > 8 && line[5] == '.' && line[7] == '.';
    codes += line.substr(0, enhanced ? line.find(' ', 4) : 3);
  }
  return codes;
}

struct Dialogue {
  std::string_view who, said, codes;
  std::string_view sender = {}, content = {}; // of the last message that was taken
};

constexpr std::string_view taken = "250, 250 2.1.0, 250 2.1.5, 354, 250 2.0.0";

constexpr Dialogue polite[] = {
    {"lower-case verbs and keywords",
     "ehlo c\r\nmail from:<a@b> size=10 body=8bitmime\r\nrcpt to:<x@ours.example>\r\ndata\r\n"
     "x\r\n.\r\n",
     taken, "<a@b>", "x\n"},
    {"a space after the colon",
     "HELO c\r\nMAIL FROM: <a@b>\r\nRCPT TO: <x@ours.example>\r\nDATA\r\nx\r\n.\r\n", taken,
     "<a@b>", "x\n"},
    {"spaces wherever they do no harm",
     "EHLO  c  \r\nMAIL  FROM:  <a@b>  SIZE=1  \r\nRCPT TO:<x@ours.example> \r\nDATA "
     "\r\nx\r\n.\r\n",
     taken, "<a@b>", "x\n"},
    {"a bounce",
     "EHLO c\r\nMAIL FROM:<> SIZE=100\r\nRCPT TO:<x@ours.example>\r\nDATA\r\nx\r\n.\r\n", taken,
     "<>", "x\n"},
    {"a report to whoever is in charge",
     "HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<Postmaster>\r\nDATA\r\nx\r\n.\r\n", taken, "<a@b>",
     "x\n"},
    {"source routes of the last century",
     "HELO c\r\nMAIL FROM:<@one.example,@two.example:a@b>\r\nRCPT "
     "TO:<@mx.example:x@ours.example>\r\n"
     "DATA\r\nx\r\n.\r\n",
     taken, "<a@b>", "x\n"},
    {"a machine without a name",
     "EHLO [192.0.2.7]\r\nMAIL FROM:<a@[192.0.2.7]>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\n.\r\n",
     taken, "<a@[192.0.2.7]>", ""},
    {"an IPv6 machine that forgets the tag in EHLO",
     "EHLO [::1]\r\nMAIL FROM:<a@[IPv6:2001:DB8:0::1]>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\n"
     ".\r\n",
     taken, "<a@[IPv6:2001:db8::1]>", ""},
    {"names that are no host names",
     "EHLO my_pc.local.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\n.\r\n", taken,
     "<a@b>", ""},
    {"EHLO, then HELO, then EHLO again",
     "EHLO c\r\nHELO c\r\nEHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\n.\r\n",
     "250, 250, 250, 250 2.1.0, 250 2.1.5, 354, 250 2.0.0", "<a@b>", ""},
    {"RSET before every message",
     "EHLO c\r\nRSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\n.\r\nRSET\r\n",
     "250, 250 2.0.0, 250 2.1.0, 250 2.1.5, 354, 250 2.0.0, 250 2.0.0", "<a@b>", ""},
    {"everything in one packet, QUIT included (RFC 2920)",
     "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\nRCPT TO:<y@ours.example>\r\nDATA\r\n"
     "x\r\n.\r\nMAIL FROM:<c@d>\r\nRCPT TO:<x@ours.example>\r\nBDAT 3 LAST\r\ny\r\nQUIT\r\n",
     "250, 250 2.1.0, 250 2.1.5, 250 2.1.5, 354, 250 2.0.0, 250 2.1.0, 250 2.1.5, 250 2.0.0, "
     "221 2.0.0",
     "<c@d>", "y\n"},
    {"the same recipient again and again",
     "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\nRCPT TO:<\"x\"@OURS.example>\r\n"
     "RCPT TO:<X@ours.example>\r\nDATA\r\n.\r\n",
     "250, 250 2.1.0, 250 2.1.5, 250 2.1.5, 250 2.1.5, 354, 250 2.0.0", "<a@b>", ""},
    {"goes on after some recipients were refused",
     "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<spam@ours.example>\r\nRCPT TO:<x@ours.example>\r\n"
     "RCPT TO:<x@else.example>\r\nDATA\r\n.\r\n",
     "250, 250 2.1.0, 550 5.1.1, 250 2.1.5, 550 5.7.1, 354, 250 2.0.0", "<a@b>", ""},
    {"Postfix, with all of the envelope in one packet and QUIT right behind the dot",
     "EHLO c\r\nMAIL FROM:<a@b> SIZE=290\r\nRCPT TO:<x@ours.example>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n",
     "250, 250 2.1.0, 250 2.1.5, 354, 250 2.0.0, 221 2.0.0", "<a@b>", "x\n"},
    {"Exim, with a whole message and QUIT in one packet",
     "EHLO c\r\nMAIL FROM:<a@b> SIZE=900\r\nRCPT TO:<x@ours.example>\r\nBDAT 3 "
     "LAST\r\nx\r\nQUIT\r\n",
     "250, 250 2.1.0, 250 2.1.5, 250 2.0.0, 221 2.0.0", "<a@b>", "x\n"},
    {"verbs in mixed case",
     "Helo c\r\nMail From:<a@b>\r\nRcpt To:<x@ours.example>\r\nData\r\nx\r\n.\r\nQuit\r\n",
     "250, 250 2.1.0, 250 2.1.5, 354, 250 2.0.0, 221 2.0.0", "<a@b>", "x\n"},
    {"a bare address in HELO",
     "HELO 192.0.2.7\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\n.\r\n", taken,
     "<a@b>", ""},
    {"tries to log in, and sends all the same",
     "EHLO c\r\nAUTH LOGIN\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\n.\r\n",
     "250, 502 5.5.1, 250 2.1.0, 250 2.1.5, 354, 250 2.0.0", "<a@b>", ""},
    {"an internationalized sender (RFC 6531)",
     "EHLO c\r\nMAIL FROM:<j\xc3\xbcrgen@b\xc3\xbc.example> SMTPUTF8 BODY=8BITMIME\r\n"
     "RCPT TO:<x@ours.example>\r\nDATA\r\n.\r\n",
     taken, "<j\xc3\xbcrgen@b\xc3\xbc.example>", ""},
};

constexpr Dialogue checking[] = {
    {"is anybody there?", "QUIT\r\n", "221 2.0.0"},
    {"a monitor", "NOOP\r\nHELO c\r\nQUIT\r\n", "250 2.0.0, 250, 221 2.0.0"},
    {"verifies a sender's address and leaves",
     "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<x@ours.example>\r\nQUIT\r\n",
     "250, 250 2.1.0, 250 2.1.5, 221 2.0.0"},
    {"probes one address after the other",
     "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<x@ours.example>\r\nRSET\r\nMAIL FROM:<>\r\n"
     "RCPT TO:<spam@ours.example>\r\nRSET\r\nQUIT\r\n",
     "250, 250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.1.0, 550 5.1.1, 250 2.0.0, 221 2.0.0"},
    {"takes us for a delivery agent (RFC 2033)", "LHLO c\r\nQUIT\r\n", "500 5.5.2, 221 2.0.0"},
    {"wants to know more than is told",
     "EHLO c\r\nVRFY root\r\nEXPN staff\r\nVRFY <x@ours.example> SMTPUTF8\r\n",
     "250, 252 2.0.0, 252 2.0.0, 252 2.0.0"},
    {"unknown, blocked: no difference",
     "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@strict.example>\r\nRCPT TO:<spam@ours.example>\r\n"
     "RCPT TO:<\"s\\pam\"@ours.example>\r\nDATA\r\nRSET\r\n",
     "250, 250 2.1.0, 550 5.1.1, 550 5.1.1, 550 5.1.1, 554 5.5.1, 250 2.0.0"},
};

constexpr Dialogue refused[] = {
    {"no greeting", "MAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\nQUIT\r\n",
     "503 5.5.1, 503 5.5.1, 503 5.5.1, 221 2.0.0"},
    {"a greeting without a name", "HELO\r\nEHLO \r\nEHLO a b\r\n", "501, 501, 501"},
    {"addresses without brackets",
     "HELO c\r\nMAIL FROM:a@b\r\nMAIL FROM: a@b\r\nMAIL FROM:<a@b\r\nMAIL FROM:a@b>\r\n",
     "250, 501 5.1.7, 501 5.1.7, 501 5.1.7, 501 5.1.7"},
    {"an open relay, please",
     "HELO c\r\nMAIL FROM:<x@ours.example>\r\nRCPT TO:<v@else.example>\r\n"
     "RCPT TO:<v%else.example@mx.example>\r\nRCPT TO:<@ours.example:v@else.example>\r\n"
     "RCPT TO:<\"v@else.example\"@[192.0.2.1]>\r\nDATA\r\n",
     "250, 250 2.1.0, 550 5.7.1, 550 5.7.1, 550 5.7.1, 550 5.7.1, 554 5.5.1"},
    {"a login where there is none",
     "EHLO c\r\nAUTH LOGIN\r\nauth plain AGEAYg==\r\nMAIL FROM:<a@b> AUTH=<>\r\n",
     "250, 502 5.5.1, 502 5.5.1, 555 5.5.4"},
    {"parameters that are not offered",
     "EHLO c\r\nMAIL FROM:<a@b> RET=HDRS ENVID=x\r\nMAIL FROM:<a@b> BODY=BINARYMIME\r\n"
     "MAIL FROM:<a@b> MT-PRIORITY=1\r\nMAIL FROM:<a@b>\r\n"
     "RCPT TO:<x@ours.example> NOTIFY=NEVER ORCPT=rfc822;x@ours.example\r\n",
     "250, 555 5.5.4, 504 5.5.4, 555 5.5.4, 250 2.1.0, 555 5.5.4"},
    {"a page in a browser",
     "POST / HTTP/1.1\r\nHost: mx.ours.example\r\n\r\nHELO c\r\nMAIL FROM:<a@b>\r\n", "500 5.5.2"},
    {"TLS from the first octet",
     {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 13},
     "500 5.5.2"},
    {"line ends of one kind only", "HELO c\nQUIT\n", "500 5.5.2"},
    {"commands hidden behind a bare line end", "HELO c\r\nNOOP\nMAIL FROM:<a@b>\r\nNOOP\rRSET\r\n",
     "250, 500 5.5.2, 500 5.5.2"},
    {"a message hidden behind a false end of data",
     "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@ours.example>\r\nDATA\r\nx\n.\r\nMAIL "
     "FROM:<e@vil>\r\n"
     "RCPT TO:<x@ours.example>\r\nDATA\r\ny\r\n.\r\n",
     "250, 250 2.1.0, 250 2.1.5, 354, 550 5.6.11"},
    {"a second message in one transaction",
     "EHLO c\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<c@d>\r\nRSET\r\nMAIL FROM:<c@d>\r\n",
     "250, 250 2.1.0, 503 5.5.1, 250 2.0.0, 250 2.1.0"},
    {"UTF-8 without saying so",
     "EHLO c\r\nMAIL FROM:<\xc3\xbc@b>\r\nMAIL FROM:<a@b>\r\nRCPT TO:<\xc3\xbc@ours.example>\r\n",
     "250, 553 5.6.7, 250 2.1.0, 553 5.6.7"},
    {"what is no UTF-8", "EHLO c\r\nMAIL FROM:<\xfc@b> SMTPUTF8\r\n", "250, 501 5.1.7"},
    {"commands of other times",
     "HELO c\r\nTURN\r\nSEND FROM:<a@b>\r\nSAML FROM:<a@b>\r\nETRN x\r\nWIZ\r\nDEBUG\r\n",
     "250, 502 5.5.1, 502 5.5.1, 502 5.5.1, 502 5.5.1, 500 5.5.2, 500 5.5.2"},
};

void check(const Dialogue& row, std::size_t step) {
  Talk talk;
  for (auto rest = row.said; !rest.empty(); rest.remove_prefix(std::min(step, rest.size()))) {
    talk.say(rest.substr(0, step));
    while (talk.session.phase() == Session::Phase::commit)
      talk.commit();
  }
  const auto codes = codes_of(talk.heard());
  if (codes != row.codes)
    print_error("%.*s:\n", static_cast<int>(row.who.size()), row.who.data());
  assert_text_equal(codes, row.codes);
  assert_int_equal(talk.adapter.committed.has_value(), !row.sender.empty());
  if (row.sender.empty())
    return;
  assert_text_equal(talk.adapter.committed->envelope.reverse_path.text(), row.sender);
  assert_text_equal(talk.adapter.content, row.content);
}

template <std::size_t N> void check_all(const Dialogue (&rows)[N]) {
  for (const auto& row : rows)
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, row.said.size()})
      check(row, step);
}

void polite_clients_are_understood(void**) {
  check_all(polite);
}

void clients_that_only_ask_are_answered(void**) {
  check_all(checking);
}

void what_is_wrong_is_refused(void**) {
  check_all(refused);
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(polite_clients_are_understood),
      cmocka_unit_test(clients_that_only_ask_are_answered),
      cmocka_unit_test(what_is_wrong_is_refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
