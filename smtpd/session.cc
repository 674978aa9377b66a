// The events of a session and what they mean in each phase.
#include "smtpd/session.h"

#include <algorithm>
#include <utility>

namespace letterlock::smtpd {

Session::Session(std::shared_ptr<const SessionSettings> settings,
                 std::shared_ptr<const RecipientPolicy> recipients, const Peer& peer,
                 SessionRequests& requests)
    : settings_(std::move(settings)), recipients_(std::move(recipients)), peer_(peer),
      requests_(requests), phase_(peer.tls_first ? Phase::tls : Phase::connecting) {}

void Session::on_connect() {
  if (phase_ != Phase::connecting)
    return;
  phase_ = Phase::command;
  say_with_hostname(replies::greeting);
  flush();
}

std::size_t Session::on_input(Bytes input) {
  auto rest = as_text(input);
  if (phase_ == Phase::connecting && !rest.empty())
    close_for_offence(replies::early_talker);
  if (phase_ == Phase::tls && !rest.empty()) {
    requests_.offence();
    close();
  }
  while (!rest.empty() && wants_input()) {
    if (phase_ == Phase::content)
      read_content(rest);
    else
      read_command(rest);
  }
  flush();
  return input.size() - rest.size();
}

void Session::read_command(std::string_view& input) {
  const auto line = command_reader_.take_line(input);
  if (!line)
    return;
  if (line->fault != CommandReader::Fault::none)
    return announces_content(line->text) ? close_for_offence(replies::bad_chunk)
                                         : refuse_line(line->fault);
  const auto command = parse_command(line->text);
  if (!command) {
    // What follows may be content, and look like commands.
    if (command.error() == CommandFault::bad_chunk)
      return close_for_offence(replies::bad_chunk);
    if (command.error() == CommandFault::other_protocol) {
      requests_.offence();
      say(replies::other_protocol);
      return close();
    }
    return refuse_command(reply_to(command.error()));
  }
  input_left_ = !input.empty();
  std::visit([this](const auto& c) { execute(c); }, *command);
}

void Session::refuse_line(CommandReader::Fault fault) {
  refuse_command(fault == CommandReader::Fault::too_long ? replies::line_too_long
                                                         : replies::bare_line_feed);
}

void Session::on_tls_established(const mail::TlsInfo& tls) {
  if (phase_ != Phase::tls)
    return;
  tls_ = tls;
  command_reader_ = CommandReader();
  hello_.reset();
  transaction_.reset();
  end_transaction();
  if (peer_.tls_first)
    phase_ = Phase::connecting;
  close_if_dismissed();
  flush();
}

void Session::on_storage_ready() {
  if (phase_ == Phase::storage)
    chunk_ ? go_on_with_chunk() : start_content();
  flush();
}

void Session::on_timeout() {
  if (phase_ == Phase::commit || phase_ == Phase::tarpit || phase_ == Phase::closed)
    return;
  if (phase_ == Phase::tls) // a handshake leaves no place for a reply
    close();
  else
    close_with(replies::timeout);
  flush();
}

void Session::on_tarpit_over() {
  if (phase_ != Phase::tarpit)
    return;
  phase_ = Phase::command;
  if (!reader_)
    close_if_dismissed();
  flush();
}

void Session::on_shutdown() {
  dismiss(replies::shutting_down);
}

void Session::on_shutdown_overdue() {
  // A handshake leaves no place for a reply.
  if (phase_ == Phase::commit || phase_ == Phase::tls || phase_ == Phase::closed)
    return;
  close_with(replies::shutting_down);
  flush();
}

void Session::on_access_withdrawn() {
  dismiss(replies::access_withdrawn);
}

void Session::dismiss(const Reply& farewell) {
  farewell_ = &farewell;
  if (phase_ == Phase::tarpit)
    return on_tarpit_over();
  if (!reader_)
    close_if_dismissed();
  flush();
}

void Session::on_disconnect() {
  drop_content();
  phase_ = Phase::closed;
}

void Session::on_reload(std::shared_ptr<const SessionSettings> settings,
                        std::shared_ptr<const RecipientPolicy> recipients) {
  settings_ = std::move(settings);
  recipients_ = std::move(recipients);
  if (!transaction_)
    return;
  const auto& accepted = transaction_->envelope.recipients;
  transaction_->outdated =
      !std::all_of(accepted.begin(), accepted.end(), [this](const Recipient& recipient) {
        return recipients_->account_of(recipient.address) == recipient.account;
      });
}

void Session::say(const Reply& reply) {
  append_reply(replies_, reply);
}

void Session::say_with_hostname(const Reply& reply) {
  append_reply(replies_, reply, settings_->hostname);
}

void Session::close() {
  drop_content();
  phase_ = Phase::closed;
  close_due_ = true;
}

void Session::close_with(const Reply& reply) {
  say_with_hostname(reply);
  close();
}

void Session::drop_content() {
  if (std::exchange(storing_, false) && phase_ != Phase::commit)
    requests_.abort_content();
}

void Session::end_transaction() {
  transaction_.reset();
  reader_.reset();
  chunk_.reset();
  storing_ = false;
  storage_fault_.reset();
  phase_ = Phase::command;
}

void Session::close_for_offence(const Reply& reply) {
  requests_.offence();
  close_with(reply);
}

void Session::close_if_dismissed() {
  if (farewell_ != nullptr && (phase_ == Phase::command || phase_ == Phase::connecting))
    close_with(*farewell_);
}

void Session::next_command() {
  end_transaction();
  close_if_dismissed();
}

void Session::flush() {
  if (phase_ == Phase::tarpit)
    return;
  if (!replies_.empty()) {
    requests_.send(replies_);
    replies_.clear();
  }
  if (std::exchange(start_tls_due_, false))
    requests_.start_tls();
  if (std::exchange(close_due_, false))
    requests_.close();
}

} // namespace letterlock::smtpd
