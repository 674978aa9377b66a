// What the other processes answer to a POP3 session, and what becomes of it when they do not.
#include "pop3d/session_adapter.h"
#include "pop3d/timeouts.h"

#include <utility>

namespace letterlock::pop3d {

namespace {

std::string_view name_of(LoginResult result) {
  switch (result) {
  case LoginResult::accepted:
    return "accepted";
  case LoginResult::refused:
    return "refused";
  case LoginResult::in_use:
    return "in-use";
  case LoginResult::temporary:
    return "temporary";
  case LoginResult::permanent:
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
    await(Awaiting::maildrop, answer_limit);
    unsent_ = ipc::OpenMaildrop{*ticket_, grant};
    send_request();
    break;
  case ipc::LoginOutcome::refused:
    finish_login(LoginResult::refused);
    break;
  case ipc::LoginOutcome::busy:
  case ipc::LoginOutcome::temporary:
    finish_login(LoginResult::temporary);
    break;
  }
  resume();
}

void SessionAdapter::maildrop_opened(ipc::MaildropOutcome outcome, std::uint32_t messages) {
  if (awaiting_ != Awaiting::maildrop)
    return;
  if (outcome != ipc::MaildropOutcome::open)
    maildrop_ = MaildropState::none;
  switch (outcome) {
  case ipc::MaildropOutcome::open:
    await(Awaiting::listing, answer_limit);
    session_.on_login(LoginResult::accepted);
    messages_ = unlisted_ = messages;
    if (messages == 0)
      finish_listing(StoreResult::done);
    break;
  case ipc::MaildropOutcome::in_use:
    finish_login(LoginResult::in_use);
    break;
  case ipc::MaildropOutcome::temporary:
  case ipc::MaildropOutcome::refused: // the grant was too old, or went to a queued that is gone
    finish_login(LoginResult::temporary);
    break;
  }
  resume();
}

bool SessionAdapter::maildrop_listed(std::span<const ipc::MaildropEntry> entries) {
  if (awaiting_ != Awaiting::listing)
    return true; // what follows the last message that can be shown, or was given up
  if (entries.size() > unlisted_)
    return false;
  std::vector<MaildropEntry> listed;
  listed.reserve(entries.size());
  for (const ipc::MaildropEntry& entry : entries)
    if (const auto valid = MaildropEntry::from(entry.wire_size, entry.uidl.view()))
      listed.push_back(*valid);
  unlisted_ -= static_cast<std::uint32_t>(entries.size());
  if (listed.size() != entries.size())
    finish_listing(StoreResult::permanent);
  else if (!session_.on_listing(listed) || unlisted_ == 0)
    finish_listing(StoreResult::done);
  else
    await(Awaiting::listing, answer_limit);
  resume();
  return true;
}

// Without a maildrop. One that was opened is closed.
void SessionAdapter::finish_login(LoginResult result) {
  leave_maildrop();
  answered();
  context_.log.info("pop3.login", {{"session", number_},
                                   {"peer", address_},
                                   {"user", user_.view()},
                                   {"result", name_of(result)}});
  session_.on_login(result);
}

void SessionAdapter::finish_listing(StoreResult result) {
  answered();
  const auto outcome = result == StoreResult::done        ? LoginResult::accepted
                       : result == StoreResult::temporary ? LoginResult::temporary
                                                          : LoginResult::permanent;
  context_.log.info("pop3.login", {{"session", number_},
                                   {"peer", address_},
                                   {"user", user_.view()},
                                   {"result", name_of(outcome)},
                                   {"messages", messages_}});
  if (result != StoreResult::done)
    leave_maildrop();
  session_.on_listing_complete(result);
}

void SessionAdapter::leave_maildrop() {
  unsent_ = std::monostate();
  const auto state = std::exchange(maildrop_, MaildropState::none);
  if (const auto ticket = std::exchange(ticket_, std::nullopt))
    backend_.leave(*ticket, state == MaildropState::held);
}

// ---- Messages

void SessionAdapter::message_opened(std::uint32_t index, UniqueFd file) {
  if (awaiting_ != Awaiting::message || index != opening_.index)
    return;
  answered();
  content_ = Content{.file = std::move(file), .whole = !opening_.extent.body_lines};
  session_.on_message_opened(StoreResult::done);
  resume();
}

void SessionAdapter::message_unavailable(std::uint32_t index) {
  if (awaiting_ != Awaiting::message || index != opening_.index)
    return;
  answered();
  session_.on_message_opened(StoreResult::temporary);
  resume();
}

void SessionAdapter::expunged(const Id128& transaction, bool durable) {
  if (awaiting_ != Awaiting::expunge || transaction != removal_->transaction)
    return;
  answered();
  const auto removal = std::exchange(removal_, std::nullopt);
  if (durable)
    deleted_ = removal->indices.size();
  session_.on_expunged(durable ? StoreResult::done : StoreResult::temporary);
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
  case Awaiting::expunge:
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
    return finish_login(LoginResult::temporary);
  case Awaiting::listing:
    return finish_listing(StoreResult::temporary);
  case Awaiting::message:
    answered();
    session_.on_message_opened(StoreResult::temporary);
    if (maildrop_ == MaildropState::lost) // and will be for every message: the client logs in anew
      session_.on_shutdown();
    return;
  case Awaiting::expunge:
    answered();
    removal_.reset();
    return session_.on_expunged(StoreResult::temporary);
  }
}

} // namespace letterlock::pop3d
