// Requests to authd and queued, and whom their answers are for.
#include "pop3d/backend.h"

#include "common/ipc/packed_texts.h"
#include "libpop3/limits.h"

#include <algorithm>
#include <utility>

namespace letterlock::pop3d {

namespace {

constexpr std::size_t expunge_part = decltype(ipc::Expunge::indices)::capacity;

// A removal is put on the link in one go, even when it is the whole of the largest maildrop and the
// link was all but full: the link must take it.
constexpr std::size_t largest_expunge =
    (pop3::max_messages / expunge_part + 1) *
    (ipc::frame_header_size + ipc::FieldCodec<ipc::Expunge>::max_size);
static_assert(ipc::Channel::high_water + largest_expunge < ipc::Channel::hard_limit);

} // namespace

// ---- Links

void Backend::connect(const ipc::Peer& peer, UniqueFd socket) {
  if (peer.role == Role::authd) {
    logins_.clear();
    connect(authd_, peer, std::move(socket), &BackendClient::authd_lost);
  } else if (peer.role == Role::queued) {
    connect(queued_, peer, std::move(socket), &BackendClient::queued_lost);
    tell_all(&BackendClient::queued_is_back);
  }
}

template <Role Peer>
void Backend::connect(Place<Peer>& place, const ipc::Peer& peer, UniqueFd socket,
                      void (BackendClient::*lost)()) {
  lose(place, lost);
  place.link = std::make_unique<ipc::Link<Role::pop3d, Peer>>(
      context_.loop, std::move(socket), *this, [this, &place, peer, lost](const std::string& why) {
        if (!why.empty())
          context_.log.error("link.breach", {{"peer", role_name(Peer)}, {"why", why}});
        lose(place, lost);
        context_.link_lost(peer);
      });
  place.link->when_drained([this, &place] { give_room(place.waiting); });
}

template <Role Peer> void Backend::lose(Place<Peer>& place, void (BackendClient::*lost)()) {
  if (!place.link)
    return;
  place.link.reset();
  place.waiting.clear();
  tell_all(lost);
}

void Backend::give_room(std::set<Ticket>& waiting) {
  // Those for whom there is still no room come back to the set.
  for (const Ticket ticket : std::exchange(waiting, {}))
    if (BackendClient* const client = find(ticket))
      client->link_has_room();
}

// A client may leave, or enter again, in the call.
void Backend::tell_all(void (BackendClient::*event)()) {
  std::vector<Ticket> tickets;
  tickets.reserve(clients_.size());
  for (const auto& [ticket, client] : clients_)
    tickets.push_back(ticket);
  for (const Ticket ticket : tickets)
    if (BackendClient* const client = find(ticket))
      (client->*event)();
}

// ---- Clients

Ticket Backend::enter(BackendClient& client) {
  clients_.emplace(++last_ticket_, &client);
  return last_ticket_;
}

void Backend::leave(Ticket ticket, bool close_maildrop) {
  clients_.erase(ticket);
  authd_.waiting.erase(ticket);
  queued_.waiting.erase(ticket);
  // However full the link is: there are no more of these than there were logins sent, which are
  // longer.
  if (logins_.erase(ticket) > 0 && authd_.link)
    authd_.link->send(ipc::LoginGivenUp{ticket});
  // However full the link is: there are no more of these than there were maildrops opened.
  if (close_maildrop && queued_.link)
    queued_.link->send(ipc::CloseMaildrop{ticket});
}

BackendClient* Backend::find(Ticket ticket) const {
  const auto client = clients_.find(ticket);
  return client == clients_.end() ? nullptr : client->second;
}

// ---- Requests

template <Role Peer, class Put>
Backend::Sent Backend::put(Place<Peer>& place, Ticket ticket, Put put_all) {
  if (!place.link || place.link->closed())
    return Sent::away;
  if (place.link->full()) {
    place.waiting.insert(ticket);
    return Sent::full;
  }
  return put_all(*place.link) ? Sent::sent : Sent::away;
}

Backend::Sent Backend::send(const ipc::Login& login) {
  const Sent sent = put(authd_, login.session, [&](auto& link) { return link.send(login); });
  if (sent == Sent::sent)
    logins_.insert(login.session);
  return sent;
}

Backend::Sent Backend::send(const ipc::OpenMaildrop& open) {
  return put(queued_, open.session, [&](auto& link) { return link.send(open); });
}

Backend::Sent Backend::send(const ipc::ListMessages& list) {
  return put(queued_, list.session, [&](auto& link) { return link.send(list); });
}

Backend::Sent Backend::send(const ipc::OpenMessage& open) {
  return put(queued_, open.session, [&](auto& link) { return link.send(open); });
}

Backend::Sent Backend::send_expunge(Ticket ticket, const Id128& transaction,
                                    std::span<const std::uint32_t> indices) {
  return put(queued_, ticket, [&](auto& link) {
    std::span<const std::uint32_t> rest = indices;
    do {
      ipc::Expunge part{ticket, transaction, rest.size() <= expunge_part, {}};
      for (const std::uint32_t index : rest.first(std::min(rest.size(), expunge_part)))
        (void)part.indices.push(index); // no more than it holds
      rest = rest.subspan(part.indices.values().size());
      if (!link.send(part))
        return false;
    } while (!rest.empty());
    return true;
  });
}

void Backend::keep_maildrop(Ticket ticket) {
  if (queued_.link)
    queued_.link->send(ipc::MaildropKept{ticket});
}

// ---- Answers

void Backend::on(const ipc::LoginAnswer& answer) {
  logins_.erase(answer.session);
  // A grant that nobody takes ends by itself.
  if (BackendClient* const client = find(answer.session))
    client->login_answered(answer.outcome, answer.grant);
}

void Backend::on(const ipc::MaildropOpened& opened) {
  if (BackendClient* const client = find(opened.session))
    return client->maildrop_opened(opened);
  // It was asked for by a session that is gone.
  if (opened.outcome == ipc::MaildropOutcome::open)
    queued_.link->send(ipc::CloseMaildrop{opened.session});
}

void Backend::on(const ipc::MessageSizes& sizes) {
  if (BackendClient* const client = find(sizes.session))
    client->sizes_listed(sizes.first, sizes.sizes.values());
}

void Backend::on(const ipc::MessageUidls& uidls) {
  const auto texts = ipc::unpack_texts(uidls.uidls.bytes());
  if (!texts)
    return queued_.link->refuse("unique ids that end within one");
  if (BackendClient* const client = find(uidls.session))
    client->uidls_listed(uidls.first, *texts);
}

void Backend::on(const ipc::MessageContent& content) {
  if (BackendClient* const client = find(content.session))
    client->message_arrived(
        content.index, Message{content.wire_size, std::string(as_text(content.content.bytes()))});
}

void Backend::on(const ipc::MessageOpened& opened, UniqueFd file) {
  if (BackendClient* const client = find(opened.session))
    client->message_arrived(
        opened.index, Message{opened.wire_size, MessageFile{std::move(file), opened.stored_size}});
}

void Backend::on(const ipc::MessageUnavailable& unavailable) {
  if (BackendClient* const client = find(unavailable.session))
    client->message_arrived(unavailable.index,
                            std::unexpected(unavailable.fault == ipc::MessageFault::gone
                                                ? pop3::ReadFault::gone
                                                : pop3::ReadFault::temporary));
}

void Backend::on(const ipc::MaildropWanted& wanted) {
  if (BackendClient* const client = find(wanted.session))
    return client->maildrop_wanted();
  queued_.link->send(ipc::CloseMaildrop{wanted.session});
}

void Backend::on(const ipc::Expunged& expunged) {
  if (BackendClient* const client = find(expunged.session))
    client->expunged(expunged.transaction, expunged.durable);
}

} // namespace letterlock::pop3d
