// Session: what each POP3 command does in the state that it is given in.
#include "pop3d/session.h"

#include <utility>

namespace letterlock::pop3d {

bool Session::login_possible() const {
  return settings_.tls_active || settings_.login_allowed_without_tls;
}

void Session::refuse_command(std::string_view text) {
  output_.text("-ERR ").line(text);
  if (++bad_commands_ >= max_bad_commands)
    close(CloseReason::bad_commands);
}

// Every login that is not let in counts, whatever the reason: each costs a password hash.
void Session::refuse_login(std::string_view text) {
  output_.text("-ERR ").line(text);
  if (++failed_logins_ >= max_failed_logins)
    return close(CloseReason::failed_logins);
  finish_command();
}

void Session::execute(const command::Capa&) {
  output_.line("+OK capability list follows");
  output_.line("TOP");
  output_.line("UIDL");
  output_.line("RESP-CODES");
  output_.line("AUTH-RESP-CODE");
  output_.line("PIPELINING");
  // No EXPIRE: retention is set for each account, and before the login only the shortest of all
  // could be announced (RFC 2449 §6.7).
  if (login_possible())
    output_.line("USER");
  // RFC 2595 §8: announced in AUTHORIZATION only.
  if (settings_.tls_available && !settings_.tls_active && state_ == State::authorization)
    output_.line("STLS");
  output_.line("IMPLEMENTATION Letterlock");
  output_.line(".");
}

void Session::execute(const command::Stls&) {
  if (settings_.tls_active)
    return refuse_command("TLS is active already");
  if (!settings_.tls_available)
    return refuse_command("TLS is not available");
  output_.line("+OK begin TLS negotiation");
  await(AwaitingTls{}, StartTls{});
}

void Session::execute(const command::User& user) {
  if (!login_possible())
    return refuse_command("logging in needs TLS");
  user_ = user.name;
  // The same for every name: which ones exist is not told.
  output_.line("+OK send the password");
}

void Session::execute(const command::Pass& pass) {
  if (!login_possible())
    return refuse_command("logging in needs TLS");
  if (!user_)
    return refuse_command("USER comes first");
  await(AwaitingLogin{}, Login{*user_, pass.password});
}

void Session::append_maildrop_summary() {
  output_.text("+OK maildrop has ").number(maildrop_.count());
  output_.text(maildrop_.count() == 1 ? " message (" : " messages (");
  output_.number(maildrop_.octets()).line(" octets)");
}

void Session::execute(const command::Stat&) {
  output_.text("+OK ").number(maildrop_.count()).text(" ").number(maildrop_.octets()).end_line();
}

void Session::execute(const command::List& command) {
  list(command.message, Column::wire_size);
}

void Session::execute(const command::Uidl& command) {
  list(command.message, Column::uidl);
}

void Session::list(std::optional<MessageNumber> message, Column column) {
  if (message) {
    const auto index = find(*message);
    if (!index)
      return;
    output_.text("+OK ");
    return append_row(*index, column);
  }
  append_maildrop_summary();
  activity_ = SendingListing{column};
  produce();
}

void Session::append_row(std::uint32_t index, Column column) {
  output_.number(MessageNumber::of_index(index).value()).text(" ");
  if (column == Column::wire_size)
    output_.number(maildrop_.wire_size(index)).end_line();
  else
    output_.line(maildrop_.uidl(index));
}

void Session::execute(const command::Retr& retr) {
  open(retr.message, Extent{});
}

void Session::execute(const command::Top& top) {
  open(top.message, Extent{top.body_lines});
}

void Session::open(MessageNumber message, Extent extent) {
  if (const auto index = find(message))
    await(AwaitingMessage{*index, extent}, OpenMessage{*index, extent});
}

void Session::execute(const command::Dele& dele) {
  const auto index = find(dele.message);
  if (!index)
    return;
  maildrop_.mark(*index);
  output_.text("+OK message ").number(dele.message.value()).line(" deleted");
}

void Session::execute(const command::Rset&) {
  maildrop_.unmark_all();
  append_maildrop_summary();
}

void Session::execute(const command::Noop&) {
  output_.line("+OK");
}

void Session::execute(const command::Quit&) {
  state_ = state_ == State::transaction ? State::update : state_;
  auto indices = maildrop_.marked_indices();
  if (!indices.empty())
    return await(AwaitingExpunge{}, Expunge{std::move(indices)});
  output_.line("+OK goodbye");
  close(CloseReason::quit);
}

std::optional<std::uint32_t> Session::find(MessageNumber message) {
  const auto index = maildrop_.find(message);
  if (index)
    return *index;
  if (index.error() == Maildrop::Lookup::deleted)
    output_.text("-ERR message ").number(message.value()).line(" is deleted");
  else
    output_.text("-ERR no such message, there are ").number(maildrop_.size()).end_line();
  return std::nullopt;
}

} // namespace letterlock::pop3d
