// Engine: what each POP3 command does in the state that it is given in.
#include "libpop3/engine.h"

#include <utility>

namespace letterlock::pop3 {

// ---- Any state

// It answers the command, and is the last word when the budget is used up.
void Session::Engine::refuse_command(std::string_view text) {
  const bool last = ++bad_commands_ >= max_bad_commands;
  output_.text("-ERR ").text(text).line(last ? "; too many bad commands" : "");
  if (last)
    close(CloseReason::bad_commands);
}

void Session::Engine::execute(const command::Capa&) {
  output_.line("+OK capability list follows");
  output_.line("TOP");
  output_.line("UIDL");
  output_.line("RESP-CODES");
  output_.line("AUTH-RESP-CODE");
  output_.line("PIPELINING");
  // Without USER as its argument: names and passwords are compared octet by octet, not prepared by
  // SASLprep (RFC 6856 §2.2).
  output_.line("UTF8");
  if (login_possible()) {
    output_.line("USER");
    output_.line("SASL PLAIN");
  }
  // RFC 2595 §8: announced in AUTHORIZATION only.
  if (settings_.tls_available && !settings_.tls_active && state_ == State::authorization)
    output_.line("STLS");
  if (const auto name = Text<max_implementation>::cut(settings_.implementation); !name.empty())
    output_.text("IMPLEMENTATION ").line(name);
  output_.line(".");
}

void Session::Engine::execute(const command::Quit&) {
  if (state_ == State::transaction && maildrop_.count() < maildrop_.size()) {
    state_ = State::update;
    return await(AwaitingRemoval{}, Remove{});
  }
  output_.line("+OK goodbye");
  close(CloseReason::quit);
}

// ---- AUTHORIZATION

bool Session::Engine::login_possible() const {
  return settings_.tls_active || settings_.login_allowed_without_tls;
}

void Session::Engine::execute(const command::Stls&) {
  if (settings_.tls_active)
    return refuse_command("TLS is active already");
  if (!settings_.tls_available)
    return refuse_command("TLS is not available");
  if (utf8_) // RFC 6856 §2.1
    return refuse_command("STLS comes before UTF8");
  output_.line("+OK begin TLS negotiation");
  await(AwaitingTls{}, StartTls{});
}

void Session::Engine::execute(const command::Utf8&) {
  utf8_ = true;
  output_.line("+OK UTF-8 it is");
}

void Session::Engine::execute(const command::User& user) {
  if (!login_possible())
    return refuse_command("logging in needs TLS");
  user_ = user.name;
  // The same for every name: which ones exist is not told.
  output_.line("+OK send the password");
}

void Session::Engine::execute(const command::Pass& pass) {
  if (!login_possible())
    return refuse_command("logging in needs TLS");
  if (!user_)
    return refuse_command("USER comes first");
  await(AwaitingLogin{}, Authenticate{std::make_unique<const Credentials>(*user_, pass.password)});
}

void Session::Engine::execute(const command::Auth& auth) {
  if (!login_possible())
    return refuse_command("logging in needs TLS");
  if (auth.response)
    return take_plain(*auth.response);
  // The challenge is empty. Clients look for the space.
  output_.line("+ ");
  activity_ = AwaitingPlain{};
}

void Session::Engine::take_plain(const std::expected<Credentials, PlainFault>& response) {
  if (response)
    return await(AwaitingLogin{}, Authenticate{std::make_unique<const Credentials>(*response)});
  switch (response.error()) {
  case PlainFault::cancelled:
    refuse_command("cancelled");
    break;
  case PlainFault::malformed:
    refuse_command("not a response of PLAIN");
    break;
  case PlainFault::foreign:
    refuse_login("[AUTH] nobody may log in for somebody else");
    break;
  }
}

// ---- TRANSACTION

void Session::Engine::append_maildrop_summary() {
  output_.text("+OK maildrop has ").number(maildrop_.count());
  output_.text(maildrop_.count() == 1 ? " message (" : " messages (");
  output_.number(maildrop_.octets()).line(" octets)");
}

void Session::Engine::execute(const command::Stat&) {
  output_.text("+OK ").number(maildrop_.count()).text(" ").number(maildrop_.octets()).end_line();
}

void Session::Engine::execute(const command::List& command) {
  list(command.message, Column::size);
}

void Session::Engine::execute(const command::Uidl& command) {
  list(command.message, Column::uidl);
}

void Session::Engine::list(std::optional<MessageNumber> message, Column column) {
  if (!message) {
    activity_ = SendingListing{column};
    return produce();
  }
  const auto index = find(*message);
  if (!index)
    return;
  if (const AwaitingEntry entry{column, *index, false}; knows(column, *index))
    finish_entry(entry);
  else
    await(entry, List{column, *index});
}

void Session::Engine::execute(const command::Dele& dele) {
  const auto index = find(dele.message);
  if (!index)
    return;
  // Its size is what STAT says less from now on.
  if (const AwaitingEntry entry{Column::size, *index, true}; knows(Column::size, *index))
    finish_entry(entry);
  else
    await(entry, List{Column::size, *index});
}

bool Session::Engine::knows(Column column, std::uint32_t index) const {
  return column == Column::size ? sizes_.at(index).has_value() : uidls_.at(index).has_value();
}

// It is known by now.
void Session::Engine::finish_entry(const AwaitingEntry& awaiting) {
  const AwaitingEntry entry = awaiting; // which may be in activity_
  if (entry.to_mark) {
    maildrop_.mark(entry.index, *sizes_.at(entry.index));
    const auto number = MessageNumber::of_index(entry.index).value();
    output_.text("+OK message ").number(number).line(" deleted");
  } else {
    output_.text("+OK ");
    append_row(entry.index, entry.column);
  }
  finish_command();
}

void Session::Engine::append_row(std::uint32_t index, Column column) {
  output_.number(MessageNumber::of_index(index).value()).text(" ");
  if (column == Column::size)
    output_.number(*sizes_.at(index)).end_line();
  else
    output_.line(*uidls_.at(index));
}

void Session::Engine::execute(const command::Retrieve& retrieve) {
  if (const auto index = find(retrieve.message))
    await(AwaitingMessage{*index, retrieve.extent}, Open{*index, retrieve.extent});
}

void Session::Engine::execute(const command::Rset&) {
  maildrop_.unmark_all();
  append_maildrop_summary();
}

void Session::Engine::execute(const command::Noop&) {
  output_.line("+OK");
}

std::optional<std::uint32_t> Session::Engine::find(MessageNumber message) {
  const auto index = maildrop_.find(message);
  if (index)
    return *index;
  if (index.error() == Maildrop::Lookup::deleted)
    output_.text("-ERR message ").number(message.value()).line(" is deleted");
  else
    output_.text("-ERR no such message, there are ").number(maildrop_.size()).end_line();
  return std::nullopt;
}

} // namespace letterlock::pop3
