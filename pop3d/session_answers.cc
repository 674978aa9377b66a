// What the other processes answer to a POP3 session, and what becomes of it when they do not.
#include "pop3d/session_adapter.h"

#include <utility>

namespace letterlock::pop3d {

namespace {

std::string_view name_of(pop3::LoginFault fault) {
  switch (fault) {
  case pop3::LoginFault::refused:
    return "refused";
  case pop3::LoginFault::delayed:
    return "delayed";
  case pop3::LoginFault::in_use:
    return "in-use";
  case pop3::LoginFault::temporary:
    return "temporary";
  case pop3::LoginFault::permanent:
    return "permanent";
  }
  std::unreachable();
}

} // namespace

// ---- Logging in

void SessionAdapter::login_answered(ipc::LoginOutcome outcome, const Id128& grant) {
  if (awaiting_ != Awaiting::login)
    return;
  switch (outcome) {
  case ipc::LoginOutcome::granted:
    grant_ = grant;
    answered();
    session_.authenticated();
    break;
  case ipc::LoginOutcome::refused:
    fail_login(pop3::LoginFault::refused);
    break;
  case ipc::LoginOutcome::delayed:
    fail_login(pop3::LoginFault::delayed);
    break;
  case ipc::LoginOutcome::busy:
  case ipc::LoginOutcome::temporary:
    fail_login(pop3::LoginFault::temporary);
    break;
  }
  resume();
}

void SessionAdapter::maildrop_opened(const ipc::MaildropOpened& opened) {
  if (awaiting_ != Awaiting::maildrop)
    return;
  if (opened.outcome != ipc::MaildropOutcome::open)
    maildrop_ = MaildropState::none;
  switch (opened.outcome) {
  case ipc::MaildropOutcome::open:
    life_.start(altogether_);
    answered();
    messages_ = opened.messages;
    ahead_.begin(messages_);
    log_login("accepted");
    session_.maildrop_opened(opened.messages, opened.octets);
    break;
  case ipc::MaildropOutcome::in_use:
    fail_login(pop3::LoginFault::in_use);
    break;
  case ipc::MaildropOutcome::temporary:
  case ipc::MaildropOutcome::refused: // the grant was too old, or went to a queued that is gone
    fail_login(pop3::LoginFault::temporary);
    break;
  }
  resume();
}

// Without a maildrop. One that was asked for is closed.
void SessionAdapter::fail_login(pop3::LoginFault fault) {
  leave_maildrop();
  answered();
  log_login(name_of(fault));
  session_.login_failed(fault);
}

void SessionAdapter::log_login(std::string_view result) {
  context_.log.info("pop3.login", {{"session", number_},
                                   {"peer", address_},
                                   {"user", user_},
                                   {"result", result},
                                   {"messages", messages_}});
}

void SessionAdapter::leave_maildrop() {
  unsent_ = std::monostate();
  ahead_.clear();
  const auto state = std::exchange(maildrop_, MaildropState::none);
  if (const auto ticket = std::exchange(ticket_, std::nullopt))
    backend_.leave(*ticket, state == MaildropState::held);
}

// Somebody who is gone without a word does not keep the owner out of the maildrop. Whoever has
// asked for something that is under way has not gone.
void SessionAdapter::maildrop_wanted() {
  const auto silent_for = std::chrono::steady_clock::now() - last_moved_;
  if (awaiting_ != Awaiting::client || silent_for < silence_)
    return backend_.keep_maildrop(*ticket_);
  session_.displaced();
  resume();
}

// ---- Messages

void SessionAdapter::sizes_listed(std::uint32_t first, std::span<const std::uint64_t> sizes) {
  if (awaiting_ != Awaiting::listing || first != listed_from_)
    return;
  answered();
  session_.sizes_listed(sizes);
  resume();
}

void SessionAdapter::uidls_listed(std::uint32_t first, std::span<const std::string_view> uidls) {
  if (awaiting_ != Awaiting::listing || first != listed_from_)
    return;
  answered();
  session_.uidls_listed(uidls);
  resume();
}

void SessionAdapter::message_arrived(std::uint32_t index, MessageResult result) {
  auto now = ahead_.arrived(index, std::move(result));
  read_ahead();
  if (!now || awaiting_ != Awaiting::message || index != opening_)
    return;
  // What could not be had ahead, with many others, may be had on its own.
  if (!*now && now->error() == pop3::ReadFault::temporary && !opening_asked_) {
    ask_for_message(index);
  } else {
    answered();
    take_message(std::move(*now));
  }
  resume();
}

void SessionAdapter::take_message(MessageResult result) {
  if (!result)
    return session_.message_unavailable(result.error());
  const std::uint64_t size = result->wire_size;
  open_ = OpenMessage{std::move(*result), opening_whole_};
  session_.message_opened(size);
}

void SessionAdapter::expunged(const Id128& transaction, bool durable) {
  if (awaiting_ != Awaiting::removal || transaction != removal_->transaction)
    return;
  answered();
  const auto removal = std::exchange(removal_, std::nullopt);
  if (durable)
    deleted_ = removal->indices.size();
  session_.messages_removed(durable);
  resume();
}

// ---- Links

void SessionAdapter::link_has_room() {
  send_request();
  if (removal_ && removal_->to_be_sent)
    send_removal();
  resume();
}

void SessionAdapter::authd_lost() {
  if (awaiting_ != Awaiting::login)
    return;
  give_up();
  resume();
}

void SessionAdapter::queued_lost() {
  if (maildrop_ == MaildropState::held)
    maildrop_ = MaildropState::lost;
  ahead_.clear();
  switch (awaiting_) {
  case Awaiting::client:
  case Awaiting::handshake:
  case Awaiting::login:
    return; // until the session needs the maildrop
  case Awaiting::maildrop:
  case Awaiting::listing:
  case Awaiting::message:
    give_up();
    break;
  case Awaiting::removal:
    if (!removal_->was_sent) {
      give_up();
      break;
    }
    // Whether it was carried out only the next queued can tell. However often that is lost as
    // well, the time runs from the first loss.
    removal_->to_be_sent = true;
    if (!std::exchange(removal_->link_was_lost, true))
      patience_.start(relink_limit);
    break;
  }
  resume();
}

void SessionAdapter::queued_is_back() {
  if (!removal_ || !removal_->to_be_sent)
    return;
  send_removal();
  resume();
}

// The answer that is awaited does not come: not in time, or not at all.
void SessionAdapter::give_up() {
  unsent_ = std::monostate();
  switch (awaiting_) {
  case Awaiting::client:
  case Awaiting::handshake:
    return;
  case Awaiting::login:
  case Awaiting::maildrop:
    return fail_login(pop3::LoginFault::temporary);
  case Awaiting::listing:
    answered();
    session_.listing_failed(pop3::ReadFault::temporary);
    break;
  case Awaiting::message:
    answered();
    session_.message_unavailable(pop3::ReadFault::temporary);
    break;
  case Awaiting::removal:
    answered();
    removal_.reset();
    return session_.messages_removed(false);
  }
  if (maildrop_ == MaildropState::lost) // and will be for every message: the client logs in anew
    session_.shut_down();
}

} // namespace letterlock::pop3d
