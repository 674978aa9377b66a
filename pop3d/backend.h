// Backend: authd and queued, as the sessions of this process see them.
//
// It owns the two links and knows which session an answer is for. A session takes a ticket for
// each login; the ticket is the `session` of all messages about it and of the maildrop that comes
// of it. Tickets are never used twice, so the answer to a login that was given up is never taken
// for that to another: it finds nobody, and a maildrop that was opened for nobody is closed again.
#pragma once

#include "common/ipc/child_process.h"
#include "pop3d/read_ahead.h"

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace letterlock::pop3d {

using Context = ipc::ChildContext<Role::pop3d>;
using Ticket = std::uint64_t;

// Whoever holds a ticket. Called from the loop only, never from inside a call to the backend.
class BackendClient {
public:
  virtual ~BackendClient() = default;
  virtual void login_answered(ipc::LoginOutcome outcome, const Id128& grant) = 0;
  virtual void maildrop_opened(const ipc::MaildropOpened& opened) = 0;
  // From the message at place `first` on; what the texts point to is valid during the call.
  virtual void sizes_listed(std::uint32_t first, std::span<const std::uint64_t> sizes) = 0;
  virtual void uidls_listed(std::uint32_t first, std::span<const std::string_view> uidls) = 0;
  virtual void message_arrived(std::uint32_t index, MessageResult result) = 0;
  virtual void expunged(const Id128& transaction, bool durable) = 0;
  // Another session wants the maildrop: Backend::keep_maildrop(), or leave().
  virtual void maildrop_wanted() = 0;
  // What was held back because a link was full can be sent now.
  virtual void link_has_room() = 0;
  // What was sent and not answered never will be. Nor does the queued that comes next know the
  // maildrop.
  virtual void authd_lost() = 0;
  virtual void queued_lost() = 0;
  virtual void queued_is_back() = 0;
};

class Backend {
public:
  // CONTEXT must outlive this.
  explicit Backend(Context& context) : context_(context) {}
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // A link to authd or queued; it takes the old one's place.
  void connect(const ipc::Peer& peer, UniqueFd socket);

  // The client must leave before it goes.
  Ticket enter(BackendClient& client);
  // No answer is wanted any more, and authd need not look for one. The maildrop that is open, or
  // was asked for, is closed if the caller says so.
  void leave(Ticket ticket, bool close_maildrop);

  // An answer to `sent` comes as a call to the client with the ticket, or the loss of the link. On
  // `full` the client keeps the request until link_has_room(). On `away` there is nobody to ask.
  enum class Sent : std::uint8_t { sent, full, away };
  Sent send(const ipc::Login& login);
  Sent send(const ipc::OpenMaildrop& open);
  Sent send(const ipc::ListMessages& list);
  Sent send(const ipc::OpenMessage& open);
  Sent send_expunge(Ticket ticket, const Id128& transaction,
                    std::span<const std::uint32_t> indices);

  // The maildrop is not given to the session that wants it.
  void keep_maildrop(Ticket ticket);

  // From authd and queued.
  void on(const ipc::LoginAnswer& answer);
  void on(const ipc::MaildropOpened& opened);
  void on(const ipc::MessageSizes& sizes);
  void on(const ipc::MessageUidls& uidls);
  void on(const ipc::MessageContent& content);
  void on(const ipc::MessageOpened& opened, UniqueFd file);
  void on(const ipc::MessageUnavailable& unavailable);
  void on(const ipc::Expunged& expunged);
  void on(const ipc::MaildropWanted& wanted);

private:
  template <Role Peer> struct Place {
    std::unique_ptr<ipc::Link<Role::pop3d, Peer>> link;
    std::set<Ticket> waiting; // for room
  };

  template <Role Peer>
  void connect(Place<Peer>& place, const ipc::Peer& peer, UniqueFd socket,
               void (BackendClient::*lost)());
  template <Role Peer> void lose(Place<Peer>& place, void (BackendClient::*lost)());
  template <Role Peer, class Put> Sent put(Place<Peer>& place, Ticket ticket, Put put_all);
  void give_room(std::set<Ticket>& waiting);
  void tell_all(void (BackendClient::*event)());
  BackendClient* find(Ticket ticket) const;

  Context& context_;
  std::unordered_map<Ticket, BackendClient*> clients_;
  std::unordered_set<Ticket> logins_; // that authd has not answered
  Ticket last_ticket_ = 0;
  Place<Role::authd> authd_;
  Place<Role::queued> queued_;
};

} // namespace letterlock::pop3d
