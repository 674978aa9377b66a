// The events of a session and what they mean in each phase.
#include "smtpd/session.h"

#include "smtpd/command_parser.h"

#include <utility>

namespace letterlock::smtpd {

Session::Session(std::shared_ptr<const SessionSettings> settings,
                 std::shared_ptr<const RecipientPolicy> recipients, const Peer& peer,
                 SessionRequests& requests)
    : settings_(std::move(settings)), recipients_(std::move(recipients)), peer_(peer),
      requests_(requests) {}

void Session::on_connect() {
  phase_ = Phase::command;
  say_with_hostname(replies::greeting);
  flush();
}

// RFC 5321 §3.1 would have us wait for QUIT after 554. A refused client is not worth a connection
// slot.
void Session::on_connect_refused(ConnectRefusal refusal) {
  close_with(refusal == ConnectRefusal::busy ? replies::busy : replies::access_denied);
  flush();
}

std::size_t Session::on_input(Bytes input) {
  auto rest = as_text(input);
  if (phase_ == Phase::tls && !rest.empty())
    close();
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
  if (line->too_long)
    return refuse_command(replies::line_too_long);
  const auto command = parse_command(line->text);
  if (!command) {
    const CommandFault fault = command.error();
    // What follows may be content, and look like commands.
    if (fault == CommandFault::bad_chunk || fault == CommandFault::other_protocol) {
      say(reply_to(fault));
      return close();
    }
    return refuse_command(reply_to(fault));
  }
  input_left_ = !input.empty();
  std::visit([this](const auto& c) { execute(c); }, *command);
}

void Session::on_tls_established(const mail::TlsInfo& tls) {
  if (phase_ != Phase::tls)
    return;
  peer_.tls = tls;
  command_reader_ = CommandReader();
  hello_.reset();
  transaction_.reset();
  next_command();
  flush();
}

void Session::on_storage_ready() {
  if (phase_ == Phase::storage)
    chunk_ ? go_on_with_chunk() : start_content();
  flush();
}

void Session::on_timeout() {
  if (phase_ == Phase::commit || phase_ == Phase::closed)
    return;
  if (phase_ == Phase::tls) // a handshake leaves no place for a reply
    close();
  else
    close_with(replies::timeout);
  flush();
}

void Session::on_shutdown() {
  shutting_down_ = true;
  if (phase_ == Phase::command && !reader_)
    close_if_shutting_down();
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

void Session::close_if_shutting_down() {
  if (shutting_down_ && phase_ == Phase::command)
    close_with(replies::shutting_down);
}

void Session::next_command() {
  end_transaction();
  close_if_shutting_down();
}

void Session::flush() {
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
