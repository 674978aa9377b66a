// Command lines of SMTP: any line is a command or has a fault that is answered; a command that is
// written plainly, or in another case and with more spaces, is the same command.
#include "smtpd/command_parser.h"
#include "tests/fuzz/fuzz.h"

#include <variant>

using namespace letterlock;
using namespace letterlock::smtpd;
using fuzz::require;

namespace {

std::string argument_of(const Helo& helo) {
  return "HELO " + std::string(helo.name.text());
}
std::string argument_of(const Ehlo& ehlo) {
  return "EHLO " + std::string(ehlo.name.text());
}
std::string argument_of(const Mail& mail) {
  std::string text = "MAIL FROM:" + mail.reverse_path.text();
  if (mail.size)
    text += " SIZE=" + std::to_string(*mail.size);
  if (mail.body)
    text += *mail.body == Body::seven_bit ? " BODY=7BIT" : " BODY=8BITMIME";
  return text + (mail.smtputf8 ? " SMTPUTF8" : "");
}
std::string argument_of(const Rcpt& rcpt) {
  const auto* mailbox = std::get_if<mail::Mailbox>(&rcpt.forward_path);
  return "RCPT TO:<" + (mailbox ? mailbox->text() : "postmaster") + '>';
}
std::string argument_of(const Bdat& bdat) {
  return "BDAT " + std::to_string(bdat.size) + (bdat.last ? " LAST" : "");
}
std::string argument_of(const Data&) {
  return "DATA";
}
std::string argument_of(const Rset&) {
  return "RSET";
}
std::string argument_of(const Noop&) {
  return "NOOP";
}
std::string argument_of(const Quit&) {
  return "QUIT";
}
std::string argument_of(const Vrfy&) {
  return "VRFY x";
}
std::string argument_of(const Expn&) {
  return "EXPN x";
}
std::string argument_of(const Help&) {
  return "HELP";
}
std::string argument_of(const StartTls&) {
  return "STARTTLS";
}

std::string written(const Command& command) {
  return std::visit([](const auto& one) { return argument_of(one); }, command);
}

// Two spaces for the one after the verb, one after the colon of a path, two at the end; the verb in
// small letters.
std::string carelessly(const std::string& line) {
  std::string text = line + "  ";
  const auto space = text.find(' ');
  for (std::size_t i = 0; i < space; ++i)
    text[i] = static_cast<char>(text[i] | 0x20);
  if (space + 2 < text.size())
    text.insert(space, " ");
  if (line.starts_with("MAIL") || line.starts_with("RCPT"))
    text.insert(text.find(':') + 1, " ");
  return text;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto command = parse_command(input);
  if (!command) {
    // Content may follow: that is told apart, and nothing else is.
    require((command.error() == CommandFault::bad_chunk) == announces_content(input));
    const auto code = reply_to(command.error()).code;
    require(announces_content(input) ? code == 421 : code >= 500 && code < 560);
    return 0;
  }
  const std::string line = written(*command);
  for (const std::string& said : {line, carelessly(line)}) {
    const auto again = parse_command(said);
    require(again && written(*again) == line);
  }
  return 0;
}
