// What each command does; the rows of the table in docs/smtp.md.
#include "smtpd/command_parser.h"
#include "smtpd/session.h"

#include <string>
#include <utility>

namespace letterlock::smtpd {

void Session::refuse_command(const Reply& reply) {
  if (++bad_commands_ > settings_->bad_commands)
    return close_for_offence(replies::too_many_errors);
  say_error(reply);
}

// RCPT and DATA after a refused MAIL count here and not as bad commands: a client that pipelines
// cannot know better.
void Session::refuse_attempt(const Reply& reply) {
  if (++refused_attempts_ > settings_->refused_attempts)
    return close_for_offence(replies::too_many_refusals);
  say_error(reply);
}

void Session::say_error(const Reply& reply) {
  say(reply);
  if (!peer_.trusted && bad_commands_ + refused_attempts_ > settings_->quick_errors)
    phase_ = Phase::tarpit;
}

bool Session::count_idle_command() {
  if (++idle_commands_ <= settings_->idle_commands)
    return true;
  close_for_offence(replies::too_many_idle_commands);
  return false;
}

void Session::execute(const Helo& helo) {
  if (!count_idle_command())
    return;
  drop_content();
  hello_ = Hello{helo.name, false};
  say_with_hostname(replies::hello);
  next_command();
}

void Session::execute(const Ehlo& ehlo) {
  if (!count_idle_command())
    return;
  drop_content();
  hello_ = Hello{ehlo.name, true};
  (replies_ += "250-") += settings_->hostname;
  replies_ += "\r\n250-PIPELINING\r\n250-SIZE ";
  replies_ += std::to_string(settings_->content.size);
  replies_ += "\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n";
  if (offers_starttls())
    replies_ += "250-STARTTLS\r\n";
  if (settings_->offer_smtputf8)
    replies_ += "250-SMTPUTF8\r\n";
  // RFC 9422 §4: what is accepted at least, so that nobody has to find out by a refusal.
  replies_ += "250-LIMITS RCPTMAX=" + std::to_string(settings_->recipients) +
              " MAILMAX=" + std::to_string(settings_->transactions);
  replies_ += "\r\n250 HELP\r\n";
  next_command();
}

void Session::execute(const Mail& mail) {
  if (!hello_)
    return refuse_command(replies::need_hello);
  if (transaction_)
    return refuse_command(replies::nested_mail);
  if (mail.smtputf8 && !settings_->offer_smtputf8)
    return refuse_command(replies::unknown_parameter);
  if (!mail.smtputf8 && !mail.reverse_path.is_ascii())
    return refuse_attempt(replies::non_ascii_address);
  if (mail.size.value_or(0) > settings_->content.size)
    return refuse_attempt(replies::message_too_big);
  if (++transactions_ > settings_->transactions)
    return close_with(replies::too_many_messages);
  if (!requests_.admit_message())
    return close_with(replies::message_rate);
  rset_is_due_ = true;
  transaction_.emplace();
  transaction_->envelope.reverse_path = mail.reverse_path;
  transaction_->envelope.body = mail.body.value_or(Body::seven_bit);
  transaction_->envelope.smtputf8 = mail.smtputf8;
  transaction_->declared_size = mail.size.value_or(0);
  say(replies::sender_ok);
}

void Session::refuse_recipient(RecipientRefusal refusal) {
  switch (refusal) {
  case RecipientRefusal::full:
    // Nothing that the client could know, and only for the time being; but not for ever.
    if (transaction_->full_recipients >= settings_->recipients)
      return refuse_attempt(replies::over_quota);
    ++transaction_->full_recipients;
    return say(replies::over_quota);
  case RecipientRefusal::foreign:
    return refuse_attempt(replies::relaying_denied);
  case RecipientRefusal::unknown:
  case RecipientRefusal::blocked:
    return refuse_attempt(replies::no_such_user);
  }
}

void Session::execute(const Rcpt& rcpt) {
  if (!hello_)
    return refuse_command(replies::need_hello);
  if (!transaction_)
    return refuse_attempt(replies::need_mail);
  if (reader_)
    return refuse_command(replies::in_chunks);
  auto& envelope = transaction_->envelope;
  const auto* mailbox = std::get_if<mail::Mailbox>(&rcpt.forward_path);
  if (mailbox && !mailbox->is_ascii() && !envelope.smtputf8)
    return refuse_attempt(replies::non_ascii_address);
  auto recipient = recipients_->judge(rcpt.forward_path, transaction_->declared_size);
  if (!recipient)
    return refuse_recipient(recipient.error());
  auto key = recipient->address.key();
  if (transaction_->recipient_keys.contains(key))
    return say(replies::recipient_ok);
  if (envelope.recipients.size() >= settings_->recipients)
    return say(replies::too_many_recipients);
  transaction_->recipient_keys.insert(std::move(key));
  envelope.recipients.push_back(*std::move(recipient));
  say(replies::recipient_ok);
}

void Session::execute(const Data&) {
  if (!hello_)
    return refuse_command(replies::need_hello);
  if (!transaction_)
    return refuse_attempt(replies::need_mail);
  if (transaction_->envelope.recipients.empty())
    return refuse_attempt(replies::no_recipients);
  if (reader_) { // RFC 3030 §2: the two are not mixed within a transaction
    drop_content();
    end_transaction();
    refuse_command(replies::data_after_bdat);
    return close_if_dismissed();
  }
  if (transaction_->outdated) {
    say(replies::recipients_changed);
    return next_command();
  }
  const auto start = requests_.begin_content(transaction_->declared_size);
  if (!start)
    return refuse_content(start.error());
  storing_ = true;
  if (*start == StorageStart::later)
    phase_ = Phase::storage;
  else
    start_content();
}

// One for each MAIL is no idling: clients drop what they have begun by it, and say it after each
// message that was not taken.
void Session::execute(const Rset&) {
  if (!std::exchange(rset_is_due_, false) && !count_idle_command())
    return;
  drop_content();
  say(replies::ok);
  next_command();
}

void Session::execute(const Noop&) {
  if (count_idle_command())
    say(replies::ok);
}

void Session::execute(const Vrfy&) {
  if (count_idle_command())
    say(replies::cannot_verify);
}

void Session::execute(const Expn&) {
  if (count_idle_command())
    say(replies::cannot_expand);
}

void Session::execute(const Help&) {
  if (!count_idle_command())
    return;
  (replies_ += "214-2.0.0 ") += command_names(offers_starttls());
  replies_ += "\r\n";
  say(replies::help);
}

void Session::execute(const Quit&) {
  close_with(replies::bye);
}

void Session::execute(const StartTls&) {
  if (tls_)
    return refuse_command(replies::tls_already_on);
  if (!settings_->offer_starttls)
    return refuse_command(replies::tls_not_offered);
  if (transaction_)
    return refuse_command(replies::tls_in_transaction);
  // Whoever sent it hopes that it will be taken for something said inside TLS.
  if (input_left_)
    return close_for_offence(replies::early_plaintext);
  say(replies::ready_for_tls);
  phase_ = Phase::tls;
  start_tls_due_ = true;
}

} // namespace letterlock::smtpd
