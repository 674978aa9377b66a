// Any line is parsed without a fault of ours, and an address that was accepted reads as itself when
// it is written.
#include "smtpd/command_parser.h"

#include <cstdlib>

using namespace letterlock;
using namespace letterlock::smtpd;

namespace {

void check_mailbox(const mail::Mailbox& mailbox) {
  const auto again = mail::Mailbox::parse(mailbox.text(), mail::Charset::utf8);
  if (!again || again->text() != mailbox.text() || again->key() != mailbox.key())
    std::abort();
  if (!Text<mail::Mailbox::max_size>::from(mailbox.text()))
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto command = parse_command({reinterpret_cast<const char*>(data), size});
  if (!command) {
    if (reply_to(command.error()).code < 500)
      std::abort();
    return 0;
  }
  if (const auto* mail = std::get_if<Mail>(&*command); mail && !mail->reverse_path.is_null())
    check_mailbox(*mail->reverse_path.mailbox());
  if (const auto* rcpt = std::get_if<Rcpt>(&*command))
    if (const auto* mailbox = std::get_if<mail::Mailbox>(&rcpt->forward_path))
      check_mailbox(*mailbox);
  return 0;
}
