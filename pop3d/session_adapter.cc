// A POP3 session's connection, requests and timers; the answers to it are in session_answers.cc.
#include "pop3d/session_adapter.h"

#include "pop3d/timeouts.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace letterlock::pop3d {

namespace {

Settings settings_of(const Terms& terms, const Client& client) {
  return {.hostname = terms.hostname,
          .tls_available = terms.tls.has_value(),
          .tls_active = client.tls_first,
          .login_allowed_without_tls = terms.insecure_auth};
}

} // namespace

SessionAdapter::SessionAdapter(Context& context, Backend& backend, const Terms& terms,
                               Client client, std::function<void()> ended)
    : context_(context), backend_(backend), tls_(terms.tls), address_(client.address),
      number_(client.number), ended_(std::move(ended)), session_(settings_of(terms, client)),
      connection_(context.loop, std::move(client.socket), *this),
      patience_(context.loop, [this] { patience_ended(); }),
      sending_(context.loop, [this] { abort("the client takes too long to receive"); }),
      next_turn_(context.loop,
                 [this] {
                   if (content_ && content_->put_off) {
                     content_->chunks_left = chunks_a_turn;
                     perform(*std::exchange(content_->put_off, std::nullopt));
                   }
                   resume();
                 }),
      greeting_withheld_(client.tls_first) {
  if (greeting_withheld_)
    perform(StartTls{});
  else
    patience_.start(autologout);
  resume();
}

void SessionAdapter::shut_down() {
  session_.on_shutdown();
  resume();
}

// ---- The connection

std::size_t SessionAdapter::input(Bytes bytes) {
  const std::size_t consumed = session_.on_input(as_text(bytes));
  carry_on();
  return consumed;
}

std::string_view SessionAdapter::output() const {
  return greeting_withheld_ ? std::string_view() : session_.output();
}

void SessionAdapter::sent(std::size_t count) {
  octets_sent_ += count;
  moved_ = true;
  session_.on_sent(count);
  carry_on();
}

void SessionAdapter::tls_established(const io::TlsStream& stream) {
  tls_version_ = stream.version();
  answered();
  if (!std::exchange(greeting_withheld_, false))
    session_.on_tls_started();
  carry_on();
}

void SessionAdapter::closed(std::string_view why) {
  leave_maildrop();
  if (close_)
    why = name_of(*close_);
  else if (why.empty())
    why = "hung-up";
  context_.log.info("pop3.session", {{"session", number_},
                                     {"peer", address_},
                                     {"user", user_.view()},
                                     {"retrieved", retrieved_},
                                     {"deleted", deleted_},
                                     {"octets", octets_sent_},
                                     {"tls", tls_version_},
                                     {"end", why}});
  const auto ended = ended_; // this object goes in the call
  ended();
}

// ---- Requests

void SessionAdapter::carry_on() {
  while (auto request = session_.take_request())
    std::visit([this](auto& r) { perform(r); }, *request);
  set_timers();
}

void SessionAdapter::resume() {
  carry_on();
  connection_.update();
}

void SessionAdapter::perform(const Login& login) {
  user_ = login.user;
  ticket_ = backend_.enter(*this);
  await(Awaiting::login, answer_limit);
  unsent_ = ipc::Login{*ticket_, login.user, login.password, ipc::PeerText::cut(address_)};
  send_request();
}

void SessionAdapter::perform(const OpenMessage& open) {
  opening_ = open;
  await(Awaiting::message, answer_limit);
  if (maildrop_ != MaildropState::held)
    return give_up();
  unsent_ = ipc::OpenMessage{*ticket_, open.index};
  send_request();
}

// From the page cache, as a rule: mail is fetched soon after it came. Where it is not, the loop
// waits for the disk, a chunk at a time and never for longer than it takes to read chunks_a_turn of
// them; for the few sessions of one small team that is cheaper than threads in this process.
void SessionAdapter::perform(const ReadContent& read) {
  if (!content_)
    return session_.on_content_end(StoreResult::temporary);
  if (content_->chunks_left == 0) {
    content_->put_off = read;
    return next_turn_.start(std::chrono::milliseconds(0));
  }
  --content_->chunks_left;
  std::array<char, content_chunk> chunk;
  ssize_t count = -1;
  do {
    count = ::pread(content_->file.get(), chunk.data(), std::min(read.most, chunk.size()),
                    static_cast<off_t>(content_->at));
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    const auto size = static_cast<std::size_t>(count);
    content_->at += size;
    if (session_.on_content({chunk.data(), size}) == Appetite::enough)
      content_.reset();
    return;
  }
  if (count == 0)
    retrieved_ += content_->whole ? 1 : 0;
  else
    context_.log.error("message.unreadable",
                       {{"session", number_}, {"why", Error::system("read").text}});
  content_.reset();
  session_.on_content_end(count == 0 ? StoreResult::done : StoreResult::temporary);
}

void SessionAdapter::perform(Expunge& expunge) {
  removal_ = Removal{Id128::random(), std::move(expunge.indices)};
  await(Awaiting::expunge, answer_limit);
  if (maildrop_ != MaildropState::held)
    return give_up();
  send_removal();
}

void SessionAdapter::perform(const StartTls&) {
  await(Awaiting::handshake, handshake_limit);
  connection_.start_tls(*tls_);
}

void SessionAdapter::perform(const Close& close) {
  close_ = close.reason;
  content_.reset();
  leave_maildrop();
  // A client that was silent for so long is not waited for.
  if (close.reason == CloseReason::timeout)
    connection_.abort(name_of(close.reason));
  else
    connection_.finish(closing_limit);
}

void SessionAdapter::send_request() {
  const auto outcome = std::visit(
      [this]<class M>(const M& message) {
        if constexpr (std::is_same_v<M, std::monostate>)
          return Backend::Sent::sent;
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
    sending_.stop();
    return;
  }
  const bool new_command = lines_seen_ != session_.lines_received();
  lines_seen_ = session_.lines_received();
  if (awaiting_ == Awaiting::client && (new_command || moved_))
    patience_.start(autologout);
  moved_ = false;
  if (output().empty() && !content_)
    sending_.stop();
  else if (new_command || !sending_.running())
    sending_.start(sending_limit);
}

void SessionAdapter::patience_ended() {
  switch (awaiting_) {
  case Awaiting::client:
    session_.on_timeout();
    break;
  case Awaiting::handshake:
    return abort("the TLS handshake takes too long");
  default:
    give_up();
  }
  resume();
}

} // namespace letterlock::pop3d
