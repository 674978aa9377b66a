// Engine: input, output and the end; commands are in engine_commands.cc, answers in
// engine_answers.cc.
#include "libpop3/engine.h"

#include <algorithm>
#include <utility>

namespace letterlock::pop3 {

Session::Engine::Engine(const Settings& settings, Handler& handler)
    : settings_(settings), handler_(handler) {
  // The name is not put first: an address literal would look like a response code (RFC 2449 §3).
  output_.text("+OK POP3 server ready on ").line(Text<max_hostname>::cut(settings_.hostname));
}

// ---- Input

bool Session::Engine::wants_input() const {
  return (is<Idle>() || is<AwaitingPlain>()) && !request_ && !output_.full();
}

std::size_t Session::Engine::input(std::string_view bytes) {
  std::string_view rest = bytes;
  while (!rest.empty() && wants_input()) {
    const auto [event, consumed] = lines_.take(rest);
    rest.remove_prefix(consumed);
    was_expected_ = looked_ahead_ > 0;
    looked_ahead_ -= std::min(looked_ahead_, consumed);
    if (event == LineSplitter::Event::incomplete)
      continue;
    on_line(event, rest);
    if (looked_ahead_ == 0)
      expected_ = 0;
    if (is<AwaitingTls>() && !rest.empty())
      close(CloseReason::plaintext_after_stls);
    pass_on();
  }
  if (is<AwaitingTls>() && !rest.empty()) {
    close(CloseReason::plaintext_after_stls);
    pass_on();
  }
  return is<Closed>() ? bytes.size() : bytes.size() - rest.size();
}

void Session::Engine::on_line(LineSplitter::Event event, std::string_view rest) {
  ++lines_received_;
  const bool response_awaited = is<AwaitingPlain>();
  if (response_awaited)
    activity_ = Idle{};
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
    if (response_awaited) {
      take_plain(parse_plain(lines_.line()));
    } else if (const auto command = parse_command(lines_.line())) {
      on_command(*command, rest);
    } else {
      user_.reset();
      refuse_command(text_of(command.error()));
    }
    lines_.reset(); // it may have held a password
  }
}

void Session::Engine::on_command(const Command& command, std::string_view rest) {
  std::visit(
      [this, rest]<class C>(const C& parsed) {
        if constexpr (std::is_same_v<C, command::Retrieve>)
          if (state_ == State::transaction)
            look_ahead(rest);
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

// Announces the retrievals that are pipelined behind this one, in the REST of the input. Lines are
// looked at once, however often they are handed in.
void Session::Engine::look_ahead(std::string_view rest) {
  if (was_expected_ && expected_ > 0)
    --expected_;
  while (expected_ < most_expected && looked_ahead_ < rest.size()) {
    const std::string_view ahead = rest.substr(looked_ahead_);
    const auto end = ahead.find("\r\n");
    if (end == std::string_view::npos)
      return;
    looked_ahead_ += end + 2;
    const auto command = parse_command(ahead.substr(0, end));
    const auto* const retrieve = command ? std::get_if<command::Retrieve>(&*command) : nullptr;
    if (retrieve == nullptr || !maildrop_.find(retrieve->message))
      continue;
    ++expected_;
    handler_.expect_message(retrieve->message.index(), retrieve->extent);
  }
}

// ---- Output

void Session::Engine::sent(std::size_t count) {
  output_.drop(count);
  produce();
  pass_on();
}

void Session::Engine::produce() {
  if (output_.full() || request_)
    return;
  if (auto* const listing = std::get_if<SendingListing>(&activity_))
    return produce_listing(*listing);
  auto* const sending = std::get_if<SendingMessage>(&activity_);
  if (sending == nullptr || std::exchange(sending->asked, true))
    return;
  request_ = Read{sending->offset};
}

void Session::Engine::produce_listing(SendingListing& listing) {
  if (listing.asked)
    return;
  for (; listing.next < maildrop_.size(); ++listing.next) {
    if (output_.full())
      return;
    if (maildrop_.marked(listing.next))
      continue;
    if (!knows(listing.column, listing.next)) {
      listing.asked = true;
      request_ = List{listing.column, listing.next};
      return;
    }
    if (!std::exchange(listing.begun, true))
      append_maildrop_summary();
    append_row(listing.next, listing.column);
  }
  if (!listing.begun)
    append_maildrop_summary();
  output_.line(".");
  finish_command();
}

// ---- The end

void Session::Engine::break_off(CloseReason reason) {
  if (is<Closed>())
    return;
  output_.clear();
  close(reason);
  pass_on();
}

void Session::Engine::shut_down() {
  shutting_down_ = true;
  if (is<Idle>() || is<AwaitingPlain>())
    finish_command();
  pass_on();
}

void Session::Engine::finish_command() {
  activity_ = Idle{};
  if (!shutting_down_)
    return;
  output_.line("-ERR [SYS/TEMP] the server ends this session");
  close(CloseReason::shutdown);
}

void Session::Engine::close(CloseReason reason) {
  release_message(false);
  await(Closed{}, Close{reason});
}

// ---- Requests

void Session::Engine::await(Activity activity, Request request) {
  activity_ = std::move(activity);
  request_ = std::move(request);
}

void Session::Engine::release_message(bool complete) {
  if (std::exchange(message_open_, false))
    release_ = complete ? Release::complete : Release::broken_off;
}

void Session::Engine::pass_on() {
  if (passing_on_)
    return;
  passing_on_ = true;
  while (release_ != Release::none || request_) {
    if (const Release release = std::exchange(release_, Release::none); release != Release::none) {
      handler_.close_message(release == Release::complete);
      continue;
    }
    const Request request = std::move(*request_);
    request_.reset();
    std::visit([this](const auto& r) { ask(r); }, request);
  }
  passing_on_ = false;
}

void Session::Engine::ask(const Authenticate& authenticate) {
  handler_.authenticate(authenticate.credentials->user,
                        authenticate.credentials->password.reveal());
}
void Session::Engine::ask(const OpenMaildrop&) {
  handler_.open_maildrop();
}
void Session::Engine::ask(const List& list) {
  const std::uint32_t most = list.column == Column::size ? sizes_at_a_time : uidls_at_a_time;
  handler_.list(list.column, list.first, std::min(most, maildrop_.size() - list.first));
}
void Session::Engine::ask(const Open& open) {
  handler_.open_message(open.index, open.extent);
}
void Session::Engine::ask(const Read& read) {
  handler_.read_message(read.offset, content_chunk);
}
void Session::Engine::ask(const Remove&) {
  const auto indices = maildrop_.marked_indices();
  handler_.remove_messages(indices);
}
void Session::Engine::ask(const StartTls&) {
  handler_.start_tls();
}
void Session::Engine::ask(const Close& close) {
  handler_.close(close.reason);
}

} // namespace letterlock::pop3
