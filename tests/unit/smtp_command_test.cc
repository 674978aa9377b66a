// The command reader and the command parser.
#include "smtpd/command_parser.h"
#include "smtpd/command_reader.h"
#include "tests/unit/check.h"

#include <limits>
#include <string>

using namespace letterlock;
using namespace letterlock::smtpd;

namespace {

// What the parser made of a line, as text.
struct Shown {
  std::string operator()(const Helo& c) const { return "helo " + std::string(c.name.text()); }
  std::string operator()(const Ehlo& c) const { return "ehlo " + std::string(c.name.text()); }
  std::string operator()(const Mail& c) const {
    auto text = "mail " + c.reverse_path.text();
    if (c.size)
      text += " size=" + std::to_string(*c.size);
    if (c.body)
      text += *c.body == Body::seven_bit ? " 7bit" : " 8bit";
    return text + (c.smtputf8 ? " utf8" : "");
  }
  std::string operator()(const Rcpt& c) const {
    const auto* mailbox = std::get_if<mail::Mailbox>(&c.forward_path);
    return "rcpt " + (mailbox ? mailbox->text() : "postmaster");
  }
  std::string operator()(const Data&) const { return "data"; }
  std::string operator()(const Bdat& c) const {
    return "bdat " + std::to_string(c.size) + (c.last ? " last" : "");
  }
  std::string operator()(const Rset&) const { return "rset"; }
  std::string operator()(const Noop&) const { return "noop"; }
  std::string operator()(const Quit&) const { return "quit"; }
  std::string operator()(const Vrfy&) const { return "vrfy"; }
  std::string operator()(const Expn&) const { return "expn"; }
  std::string operator()(const Help&) const { return "help"; }
  std::string operator()(const StartTls&) const { return "starttls"; }
};

std::string parse(std::string_view line) {
  const auto command = parse_command(line);
  if (command)
    return std::visit(Shown(), *command);
  const auto& reply = reply_to(command.error());
  return std::to_string(reply.code) + ' ' + std::string(reply.enhanced);
}

void commands_are_parsed(void**) {
  struct {
    std::string_view line;
    std::string_view result;
  } const table[] = {
      {"EHLO mx.example.com", "ehlo mx.example.com"},
      {"ehlo  [192.0.2.1]  ", "ehlo [192.0.2.1]"},
      {"HeLo my_pc", "helo my_pc"},
      {"MAIL FROM:<a@b>", "mail <a@b>"},
      {"mail from:<>", "mail <>"},
      {"MAIL FROM: <a@b>", "mail <a@b>"},
      {"MAIL  FROM:<a@b>  ", "mail <a@b>"},
      {"MAIL FROM:<a@b> SIZE=10", "mail <a@b> size=10"},
      {"MAIL FROM:<a@b>  size=10  body=8bitmime", "mail <a@b> size=10 8bit"},
      {"MAIL FROM:<a@b> BODY=7BIT SMTPUTF8", "mail <a@b> 7bit utf8"},
      {"MAIL FROM:<a@b> SIZE=18446744073709551615", "mail <a@b> size=18446744073709551615"},
      {"MAIL FROM:<a@b> SIZE=99999999999999999999", "mail <a@b> size=18446744073709551615"},
      {"MAIL FROM:<@r:a@b>", "mail <a@b>"},
      {"RCPT TO:<a@b>", "rcpt a@b"},
      {"rcpt to: <Postmaster>", "rcpt postmaster"},
      {"RCPT TO:<\"a b\"@c>", "rcpt \"a b\"@c"},
      {"RCPT TO:<j\xc3\xbcrg@b>", "rcpt j\xc3\xbcrg@b"},
      {"DATA", "data"},
      {"data  ", "data"},
      {"BDAT 0", "bdat 0"},
      {"bdat  86  last ", "bdat 86 last"},
      {"BDAT 00012 LAST", "bdat 12 last"},
      {"BDAT 18446744073709551615", "bdat 18446744073709551615"},
      {"RSET", "rset"},
      {"NOOP", "noop"},
      {"NOOP whatever", "noop"},
      {"QUIT", "quit"},
      {"VRFY someone", "vrfy"},
      {"VRFY <a@b> SMTPUTF8", "vrfy"},
      {"vrfy J\xc3\xbcrgen SMTPUTF8", "vrfy"},
      {"EXPN list", "expn"},
      {"HELP", "help"},
      {"HELP MAIL", "help"},
      {"STARTTLS", "starttls"},

      {"", "500 5.5.2"},
      {" NOOP", "500 5.5.2"},
      {"NOOPE", "500 5.5.2"},
      {"GET / HTTP/1.1", "500 5.5.2"},
      {"POST /upload HTTP/1.1", "500 5.5.2"},
      {"Host: mx.example.com", "500 5.5.2"},
      {"NOOP\tx", "500 5.5.2"},
      {"NOOP\rQUIT", "500 5.5.2"},
      {"NOOP\nQUIT", "500 5.5.2"},
      {std::string_view("NOOP\0", 5), "500 5.5.2"},
      {"NOOP \x7f", "500 5.5.2"},
      {"ETRN example.com", "502 5.5.1"},
      {"Send from:<a@b>", "502 5.5.1"},
      {"AUTH PLAIN AGEAYg==", "502 5.5.1"},
      {"TURN", "502 5.5.1"},
      {"EHLO", "501 "},
      {"HELO a b", "501 "},
      {"EHLO a(b)", "501 "},
      {"VRFY", "501 5.5.4"},
      {"EXPN ", "501 5.5.4"},
      {"DATA x", "501 5.5.4"},
      {"BDAT", "421 4.7.0"},
      {"BDAT LAST", "421 4.7.0"},
      {"BDAT x", "421 4.7.0"},
      {"BDAT -1", "421 4.7.0"},
      {"BDAT +1", "421 4.7.0"},
      {"BDAT 0x10", "421 4.7.0"},
      {"BDAT 1.5", "421 4.7.0"},
      {"BDAT 10LAST", "421 4.7.0"},
      {"BDAT 10 LAST LAST", "421 4.7.0"},
      {"BDAT 10 FIRST", "421 4.7.0"},
      {"BDAT 18446744073709551616", "421 4.7.0"},
      {"RSET x", "501 5.5.4"},
      {"QUIT x", "501 5.5.4"},
      {"STARTTLS x", "501 5.5.4"},
      {"MAIL", "501 5.5.4"},
      {"MAIL TO:<a@b>", "501 5.5.4"},
      {"MAIL FROM <a@b>", "501 5.5.4"},
      {"MAIL FROM:", "501 5.1.7"},
      {"MAIL FROM:a@b", "501 5.1.7"},
      {"MAIL FROM:<a>", "501 5.1.7"},
      {"MAIL FROM:<a@b", "501 5.1.7"},
      {"MAIL FROM:<a@b>SIZE=10", "501 5.5.4"},
      {"MAIL FROM:<a@b> SIZE", "501 5.5.4"},
      {"MAIL FROM:<a@b> SIZE=", "501 5.5.4"},
      {"MAIL FROM:<a@b> SIZE=-1", "501 5.5.4"},
      {"MAIL FROM:<a@b> SIZE=0x1", "501 5.5.4"},
      {"MAIL FROM:<a@b> SIZE=000000000000000000001", "501 5.5.4"},
      {"MAIL FROM:<a@b> SIZE=1 size=2", "501 5.5.4"},
      {"MAIL FROM:<a@b> SMTPUTF8=1", "501 5.5.4"},
      {"MAIL FROM:<a@b> =1", "501 5.5.4"},
      {"MAIL FROM:<a@b> A=B=C", "501 5.5.4"},
      {"MAIL FROM:<a@b> BODY", "501 5.5.4"},
      {"MAIL FROM:<a@b> BODY=BINARYMIME", "504 5.5.4"},
      {"MAIL FROM:<a@b> AUTH=<>", "555 5.5.4"},
      {"MAIL FROM:<a@b> RET=HDRS", "555 5.5.4"},
      {"BDAT\t5 LAST", "421 4.7.0"},
      {"bdat5", "421 4.7.0"},
      {"RCPT", "501 5.5.4"},
      {"RCPT FROM:<a@b>", "501 5.5.4"},
      {"RCPT TO:<>", "501 5.1.3"},
      {"RCPT TO:<a@b_c>", "501 5.1.3"},
      {"RCPT TO:<a@b> NOTIFY=NEVER", "555 5.5.4"},
      {"RCPT TO:<a@b>X", "501 5.5.4"},
      {"RCPT TO:<a@b> ?", "501 5.5.4"},
  };
  for (const auto& row : table)
    assert_text_equal(parse(row.line), row.result);
}

// All lines, each followed by "|", or by "!" if it was too long, or "?" if there was a bare LF;
// what is unfinished is not shown, nor is of a faulty line more than its verb.
std::string read_lines(CommandReader& reader, std::string_view input) {
  std::string lines;
  while (!input.empty())
    if (const auto line = reader.take_line(input))
      (lines += line->text) += "|!?"[static_cast<std::size_t>(line->fault)];
  return lines;
}

std::string read_lines(std::string_view input, std::size_t cut) {
  CommandReader reader;
  auto lines = read_lines(reader, input.substr(0, cut));
  return lines + read_lines(reader, input.substr(cut));
}

void lines_do_not_depend_on_how_the_input_is_cut(void**) {
  const std::string longest(CommandReader::max_line_size - 2, 'x');
  const struct {
    std::string input;
    std::string lines;
  } table[] = {
      {"", ""},
      {"\r\n", "|"},
      {"NOOP\r\n", "NOOP|"},
      {"NOOP\r\n\r\nQUIT\r\nRS", "NOOP||QUIT|"},
      {"NOOP\n", "NOOP?"},
      {"NOOP\nQUIT\r\n", "NOOP?"},
      {"NOOP\nQUIT\n\nQUIT\r\nRSET\r\n", "NOOP?RSET|"},
      {"NOOP\nQUIT\r\r\nRSET\r\n", "NOOP?RSET|"},
      {"NOOP\r\nRSET\n\r\nHELP\r\n", "NOOP|RSET?HELP|"},
      {"NOOP\n" + longest + longest + "\r\nHELP\r\n", "NOOP?HELP|"},
      {longest + "x\n\r\nHELP\r\n", "xxxx?HELP|"},
      {longest + "xx\n\r\nHELP\r\n", "xxxx!HELP|"},
      {"NOOP\rQUIT\r\r\n", "NOOP\rQUIT\r|"},
      {"\n\r\n", "?"},
      {"NO\nOP\r\nQUIT\r\n", "NO?QUIT|"},
      {longest + "\r\nNOOP\r\n", longest + "|NOOP|"},
      {longest + "x\r\nNOOP\r\n", "xxxx!NOOP|"},
      {longest + longest + longest + "\r\nNOOP\r\n", "xxxx!NOOP|"},
      {longest + longest + "\r\r\n\r\n", "xxxx!|"},
      {longest + longest + "\n\n\rNOOP\r\n\r\n", "xxxx!|"},
  };
  for (const auto& row : table)
    for (std::size_t cut = 0; cut <= row.input.size(); ++cut)
      assert_text_equal(read_lines(row.input, cut), row.lines);
}

void lines_come_octet_by_octet(void**) {
  const std::string input = "NOOP\r\n" + std::string(5000, 'y') + "\r\r\nQUIT\r\n";
  CommandReader reader;
  std::string lines;
  for (const char c : input)
    lines += read_lines(reader, std::string_view(&c, 1));
  assert_text_equal(lines, "NOOP|yyyy!QUIT|");
}

} // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(commands_are_parsed),
      cmocka_unit_test(lines_do_not_depend_on_how_the_input_is_cut),
      cmocka_unit_test(lines_come_octet_by_octet),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
