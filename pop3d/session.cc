// Session: input, output and answers; what each command does is in session_commands.cc.
#include "pop3d/session.h"

#include <algorithm>
#include <utility>

namespace letterlock::pop3d {

Session::Session(const Settings& settings) : settings_(settings) {
  // The name is not put first: an address literal would look like a response code (RFC 2449 §3).
  output_.text("+OK POP3 server ready on ").line(settings_.hostname);
}

bool Session::wants_input() const {
  return is<Idle>() && !request_ && !output_.full();
}

std::size_t Session::on_input(std::string_view bytes) {
  std::string_view rest = bytes;
  while (!rest.empty() && wants_input()) {
    const auto [event, consumed] = lines_.take(rest);
    rest.remove_prefix(consumed);
    if (event != LineSplitter::Event::incomplete)
      on_line(event);
  }
  if (is<AwaitingTls>() && !rest.empty())
    close(CloseReason::plaintext_after_stls);
  return is<Closed>() ? bytes.size() : bytes.size() - rest.size();
}

void Session::on_line(LineSplitter::Event event) {
  ++lines_received_;
  switch (event) {
  case LineSplitter::Event::incomplete:
    break;
  case LineSplitter::Event::malformed:
    output_.line("-ERR a command ends in CR LF, and holds no other CR, LF or NUL");
    return close(CloseReason::bad_line);
  case LineSplitter::Event::endless:
    output_.line("-ERR the line does not end");
    return close(CloseReason::bad_line);
  case LineSplitter::Event::too_long:
    user_.reset();
    return refuse_command("the line is too long");
  case LineSplitter::Event::line:
    if (const auto command = parse_command(lines_.line())) {
      on_command(*command);
    } else {
      user_.reset();
      refuse_command(text_of(command.error()));
    }
    lines_.reset(); // it may have held a password
  }
}

void Session::on_command(const Command& command) {
  std::visit(
      [this]<class C>(const C& parsed) {
        if (C::states.contains(state_))
          execute(parsed);
        else
          refuse_command(state_ == State::authorization ? "log in first" : "already logged in");
      },
      command);
  // RFC 1939 §7: PASS stands immediately after a successful USER.
  if (!std::holds_alternative<command::User>(command))
    user_.reset();
}

void Session::on_sent(std::size_t count) {
  output_.drop(count);
  produce();
}

std::optional<Request> Session::take_request() {
  return std::exchange(request_, std::nullopt);
}

void Session::on_timeout() {
  if (is<Closed>())
    return;
  output_.clear();
  close(CloseReason::timeout);
}

void Session::on_shutdown() {
  shutting_down_ = true;
  if (is<Idle>())
    finish_command();
}

void Session::on_login(LoginResult result) {
  if (!awaits<AwaitingLogin>())
    return;
  switch (result) {
  case LoginResult::accepted:
    activity_ = AwaitingListing{};
    return;
  case LoginResult::refused:
    return refuse_login("[AUTH] the user name or the password is wrong");
  case LoginResult::in_use:
    return refuse_login("[IN-USE] another session has this maildrop open");
  case LoginResult::temporary:
    return refuse_login("[SYS/TEMP] logging in is not possible now, try later");
  case LoginResult::permanent:
    return refuse_login("[SYS/PERM] this maildrop cannot be opened");
  }
}

bool Session::on_listing(std::span<const MaildropEntry> entries) {
  return awaits<AwaitingListing>() &&
         std::all_of(entries.begin(), entries.end(),
                     [this](const MaildropEntry& entry) { return maildrop_.add(entry); });
}

void Session::on_listing_complete(StoreResult result) {
  if (!awaits<AwaitingListing>())
    return;
  if (result != StoreResult::done) {
    maildrop_ = Maildrop();
    return refuse_login(result == StoreResult::temporary
                            ? "[SYS/TEMP] the maildrop cannot be read now, try later"
                            : "[SYS/PERM] the maildrop cannot be read");
  }
  state_ = State::transaction;
  append_maildrop_summary();
  finish_command();
}

void Session::on_message_opened(StoreResult result) {
  if (!awaits<AwaitingMessage>())
    return;
  const auto [index, extent] = std::get<AwaitingMessage>(activity_);
  if (result != StoreResult::done) {
    output_.line(result == StoreResult::temporary
                     ? "-ERR [SYS/TEMP] the message cannot be read now, try later"
                     : "-ERR [SYS/PERM] the message cannot be read");
    return finish_command();
  }
  if (extent.body_lines)
    output_.line("+OK top of message follows");
  else
    output_.text("+OK ").number(maildrop_.wire_size(index)).line(" octets");
  activity_ = SendingMessage{MessageEncoder(extent)};
  produce();
}

Appetite Session::on_content(std::string_view stored) {
  auto* const sending = std::get_if<SendingMessage>(&activity_);
  if (!sending || !sending->reading || request_)
    return Appetite::enough;
  sending->reading = false;
  if (!sending->encoder.append(stored, output_.bytes())) {
    on_content_end(StoreResult::done);
    return Appetite::enough;
  }
  produce();
  return Appetite::more;
}

void Session::on_content_end(StoreResult result) {
  auto* const sending = std::get_if<SendingMessage>(&activity_);
  if (!sending)
    return;
  if (result != StoreResult::done)
    return close(CloseReason::content_lost);
  request_.reset(); // a ReadContent that was not taken is answered by this
  sending->encoder.finish(output_.bytes());
  finish_command();
}

void Session::on_expunged(StoreResult result) {
  if (!awaits<AwaitingExpunge>())
    return;
  output_.line(result == StoreResult::done ? "+OK goodbye"
                                           : "-ERR [SYS/TEMP] some deleted messages not removed");
  close(CloseReason::quit);
}

void Session::on_tls_started() {
  if (!awaits<AwaitingTls>())
    return;
  lines_.reset();
  user_.reset();
  settings_.tls_active = true;
  finish_command();
}

void Session::await(Activity activity, Request request) {
  activity_ = std::move(activity);
  request_ = std::move(request);
}

void Session::finish_command() {
  activity_ = Idle{};
  if (!shutting_down_)
    return;
  output_.line("-ERR [SYS/TEMP] the server is shutting down");
  close(CloseReason::shutdown);
}

void Session::produce() {
  if (output_.full())
    return;
  if (auto* const listing = std::get_if<SendingListing>(&activity_))
    return produce_listing(*listing);
  auto* const sending = std::get_if<SendingMessage>(&activity_);
  if (!sending || sending->reading)
    return;
  sending->reading = true;
  request_ = ReadContent{content_chunk};
}

void Session::produce_listing(SendingListing& listing) {
  for (; listing.next < maildrop_.size(); ++listing.next) {
    if (output_.full())
      return;
    if (!maildrop_.marked(listing.next))
      append_row(listing.next, listing.column);
  }
  output_.line(".");
  finish_command();
}

void Session::close(CloseReason reason) {
  await(Closed{}, Close{reason});
}

} // namespace letterlock::pop3d
