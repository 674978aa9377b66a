// A POP3 session's connection, timers and requests; the answers to them are in session_answers.cc.
#include "pop3d/session_adapter.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace letterlock::pop3d {

namespace {

// Sent to one client before the others have their turn.
constexpr std::size_t octets_a_turn = 512 * 1024;

pop3::Settings settings_of(const Terms& terms, const Client& client) {
  return {.hostname = std::string(terms.hostname.view()),
          .implementation = "Letterlock",
          .tls_available = terms.tls.has_value(),
          .tls_active = client.tls_first,
          .login_allowed_without_tls = terms.insecure_auth,
          // No client that is in use says UTF8; many stop at the first message that they cannot
          // have, and others never get as far (docs/pop3.md).
          .utf8_unasked = true};
}

} // namespace

SessionAdapter::SessionAdapter(Context& context, Backend& backend, AheadBudget& ahead,
                               const Terms& terms, Client client, std::function<void()> ended)
    : context_(context), backend_(backend), tls_(terms.tls), silence_(terms.silence),
      altogether_(terms.altogether), address_(client.address), number_(client.number),
      ended_(std::move(ended)), session_(settings_of(terms, client), *this),
      connection_(context.loop, std::move(client.socket), *this),
      patience_(context.loop, [this] { patience_ended(); }),
      life_(context.loop, [this] { shut_down(); }),
      sending_(context.loop, [this] { abort("the client takes too long to receive"); }),
      next_turn_(context.loop,
                 [this] {
                   turn_over_ = false;
                   octets_of_turn_ = 0;
                   resume();
                 }),
      greeting_withheld_(client.tls_first), ahead_(ahead),
      last_moved_(std::chrono::steady_clock::now()) {
  life_.start(terms.before_login);
  if (greeting_withheld_)
    begin_handshake();
  else
    patience_.start(autologout);
  resume();
}

void SessionAdapter::shut_down() {
  session_.shut_down();
  resume();
}

void SessionAdapter::renew(const std::optional<io::TlsServer>& tls) {
  if (tls)
    tls_ = tls;
}

// ---- The connection

std::size_t SessionAdapter::input(Bytes bytes) {
  last_moved_ = std::chrono::steady_clock::now();
  const std::size_t consumed = session_.input(as_text(bytes));
  set_timers();
  return consumed;
}

// A client that takes all at once has its share of a turn, and the rest at the next. What stands
// before the end, or before a handshake, is sent out in one go: there is no more than the bound of
// the session's output then.
std::string_view SessionAdapter::output() const {
  const bool put_off = turn_over_ && !close_ && awaiting_ != Awaiting::handshake;
  return greeting_withheld_ || put_off ? std::string_view() : session_.output();
}

void SessionAdapter::sent(std::size_t count) {
  last_moved_ = std::chrono::steady_clock::now();
  octets_sent_ += count;
  octets_of_turn_ += count;
  moved_ = true;
  if (octets_of_turn_ >= octets_a_turn && !std::exchange(turn_over_, true))
    next_turn_.start(std::chrono::milliseconds(0));
  session_.sent(count);
  set_timers();
}

void SessionAdapter::begin_handshake() {
  await(Awaiting::handshake, handshake_limit);
  connection_.start_tls(*tls_);
}

void SessionAdapter::tls_established(const io::TlsStream& stream) {
  last_moved_ = std::chrono::steady_clock::now();
  tls_version_ = stream.version();
  answered();
  if (!std::exchange(greeting_withheld_, false))
    session_.tls_started();
  set_timers();
}

void SessionAdapter::closed(std::string_view why) {
  leave_maildrop();
  if (close_)
    why = name_of(*close_);
  else if (why.empty())
    why = "hung-up";
  context_.log.info("pop3.session", {{"session", number_},
                                     {"peer", address_},
                                     {"user", user_},
                                     {"retrieved", retrieved_},
                                     {"deleted", deleted_},
                                     {"octets", octets_sent_},
                                     {"tls", tls_version_},
                                     {"end", why}});
  const auto ended = ended_; // this object goes in the call
  ended();
}

void SessionAdapter::resume() {
  set_timers();
  connection_.update();
}

// ---- Requests

void SessionAdapter::authenticate(std::string_view user, std::string_view password) {
  static_assert(ipc::AddressText::capacity >= pop3::max_user_name &&
                ipc::PasswordSecret::capacity >= pop3::max_password);
  user_ = user;
  ticket_ = backend_.enter(*this);
  await(Awaiting::login, answer_limit);
  unsent_ = std::make_unique<const ipc::Login>(*ticket_, *ipc::AddressText::from(user),
                                               *ipc::PasswordSecret::from(password),
                                               ipc::PeerText::cut(address_));
  send_request();
}

void SessionAdapter::open_maildrop() {
  await(Awaiting::maildrop, answer_limit);
  unsent_ = ipc::OpenMaildrop{*ticket_, grant_};
  send_request();
}

// Sends what is in unsent_, if there is somebody who could answer.
void SessionAdapter::ask_queued(Awaiting what) {
  await(what, answer_limit);
  if (maildrop_ == MaildropState::held)
    send_request();
  else
    give_up();
}

void SessionAdapter::list(pop3::Column column, std::uint32_t first, std::uint32_t most) {
  listed_from_ = first;
  const auto which =
      column == pop3::Column::size ? ipc::MaildropColumn::sizes : ipc::MaildropColumn::uidls;
  unsent_ = ipc::ListMessages{*ticket_, which, first, most};
  ask_queued(Awaiting::listing);
}

void SessionAdapter::expect_message(std::uint32_t index, const pop3::Extent&) {
  ahead_.expect(index);
}

void SessionAdapter::open_message(std::uint32_t index, const pop3::Extent& extent) {
  opening_ = index;
  opening_whole_ = !extent.body_lines;
  opening_asked_ = false;
  auto result = ahead_.turn(index);
  if (result) {
    take_message(std::move(*result));
  } else if (ahead_.asked(index)) {
    await(Awaiting::message, answer_limit);
  } else {
    ask_for_message(index);
  }
  read_ahead();
}

void SessionAdapter::ask_for_message(std::uint32_t index) {
  opening_asked_ = true;
  unsent_ = ipc::OpenMessage{*ticket_, index};
  ask_queued(Awaiting::message);
}

// Behind the message that the client waits for, and only while the link has room.
void SessionAdapter::read_ahead() {
  if (maildrop_ != MaildropState::held)
    return ahead_.clear();
  for (const std::uint32_t index : ahead_.wanted())
    if (!std::holds_alternative<std::monostate>(unsent_) ||
        backend_.send(ipc::OpenMessage{*ticket_, index}) != Backend::Sent::sent)
      ahead_.not_asked(index);
}

void SessionAdapter::read_message(std::uint64_t offset, std::size_t most) {
  if (!open_)
    return session_.content_lost();
  if (const auto* const file = std::get_if<MessageFile>(&open_->message.content))
    return read_file(*file, offset, most);
  const std::string_view content = std::get<std::string>(open_->message.content);
  const std::string_view part = content.substr(std::min<std::size_t>(offset, content.size()), most);
  session_.content(part, offset + part.size() == content.size());
}

// From the page cache, as a rule: mail is fetched soon after it came. Where it is not, the loop
// waits for the disk, a chunk at a time; for the few sessions of one small team that is cheaper
// than threads in this process.
void SessionAdapter::read_file(const MessageFile& file, std::uint64_t offset, std::size_t most) {
  std::array<char, pop3::content_chunk> chunk;
  const std::uint64_t left = file.stored_size - std::min(offset, file.stored_size);
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>({left, most, chunk.size()}));
  ssize_t count = -1;
  do {
    count = ::pread(file.file.get(), chunk.data(), size, static_cast<off_t>(offset));
  } while (count < 0 && errno == EINTR);
  if (count < 0)
    context_.log.error("message.unreadable",
                       {{"session", number_}, {"why", Error::system("read").text}});
  // Nothing where there should be something: it was cut meanwhile.
  if (count < 0 || (count == 0 && left > 0))
    return session_.content_lost();
  const auto got = static_cast<std::size_t>(count);
  session_.content({chunk.data(), got}, got == left);
}

void SessionAdapter::close_message(bool complete) {
  retrieved_ += complete && open_ && open_->whole ? 1 : 0;
  open_.reset();
}

void SessionAdapter::remove_messages(std::span<const std::uint32_t> indices) {
  removal_ = Removal{Id128::random(), {indices.begin(), indices.end()}};
  await(Awaiting::removal, answer_limit);
  if (maildrop_ == MaildropState::held)
    send_removal();
  else
    give_up();
}

void SessionAdapter::start_tls() {
  begin_handshake();
}

void SessionAdapter::close(pop3::CloseReason reason) {
  close_ = reason;
  open_.reset();
  leave_maildrop();
  // A client that was silent for so long is not waited for.
  if (reason == pop3::CloseReason::timeout || reason == pop3::CloseReason::displaced)
    connection_.abort(name_of(reason));
  else
    connection_.finish(closing_limit);
}

void SessionAdapter::send_request() {
  const auto outcome = std::visit(
      [this]<class M>(const M& message) {
        if constexpr (std::is_same_v<M, std::monostate>)
          return Backend::Sent::sent;
        else if constexpr (std::is_same_v<M, std::unique_ptr<const ipc::Login>>)
          return backend_.send(*message);
        else
          return backend_.send(message);
      },
      unsent_);
  if (outcome == Backend::Sent::full)
    return;
  if (outcome == Backend::Sent::sent && std::holds_alternative<ipc::OpenMaildrop>(unsent_))
    maildrop_ = MaildropState::held;
  unsent_ = std::monostate();
  if (outcome == Backend::Sent::away)
    give_up();
}

void SessionAdapter::send_removal() {
  switch (backend_.send_expunge(*ticket_, removal_->transaction, removal_->indices)) {
  case Backend::Sent::sent:
    removal_->was_sent = true;
    removal_->to_be_sent = false;
    return;
  case Backend::Sent::full:
    return;
  case Backend::Sent::away:
    // One that may have been carried out is held for the next queued.
    if (!removal_->was_sent)
      give_up();
    return;
  }
}

// ---- Time

void SessionAdapter::await(Awaiting what, std::chrono::milliseconds limit) {
  awaiting_ = what;
  patience_.start(limit);
}

void SessionAdapter::answered() {
  awaiting_ = Awaiting::client;
  patience_.start(autologout);
}

void SessionAdapter::set_timers() {
  if (close_) { // the connection sees to the rest
    patience_.stop();
    life_.stop();
    sending_.stop();
    next_turn_.stop();
    return;
  }
  const bool new_command = lines_seen_ != session_.lines_received();
  lines_seen_ = session_.lines_received();
  if (awaiting_ == Awaiting::client && (new_command || moved_))
    patience_.start(autologout);
  moved_ = false;
  if (session_.output().empty() && !open_)
    sending_.stop();
  else if (new_command || !sending_.running())
    sending_.start(sending_limit);
}

void SessionAdapter::patience_ended() {
  switch (awaiting_) {
  case Awaiting::client:
    session_.timed_out();
    break;
  case Awaiting::handshake:
    return abort("the TLS handshake takes too long");
  default:
    give_up();
  }
  resume();
}

} // namespace letterlock::pop3d
