// Maildrops for pop3d.
#include "queued/maildrop_link.h"

#include "common/ipc/packed_texts.h"
#include "common/os/cached_read.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace letterlock::queued {

namespace {

// Descriptors that the peer has not taken yet count against our limit of open files.
constexpr std::size_t most_descriptors_waiting = 256;
// Messages of one session that are being opened: pop3d reads ahead.
constexpr unsigned most_opening = 64;

} // namespace

MaildropLink::MaildropLink(Context& context, MessageStore& store, GrantTable& grants,
                           ExpungeLedger& ledger, MaildropHolders& holders, const ipc::Peer& peer,
                           UniqueFd socket)
    : context_(context), store_(store), grants_(grants), ledger_(ledger), holders_(holders),
      instance_(peer.instance),
      link_(context.loop, std::move(socket), *this, [this, peer](const std::string& why) {
        if (!why.empty())
          context_.log.error("link.breach", {{"peer", "pop3d"}, {"why", why}});
        // Nobody can close them any more.
        while (!sessions_.empty())
          end(sessions_.begin()->first);
        context_.link_lost(peer);
      }) {}

MaildropLink::~MaildropLink() {
  while (!sessions_.empty())
    end(sessions_.begin()->first);
}

// ---- Opening

void MaildropLink::on(const ipc::OpenMaildrop& open) {
  if (sessions_.contains(open.session))
    return link_.refuse("a session that is open already");
  const auto account = grants_.take(open.grant, instance_, std::chrono::steady_clock::now());
  if (!account)
    return refuse(open.session, ipc::MaildropOutcome::refused);
  Session& session = sessions_[open.session];
  session.account = AccountId{*account};
  if (try_to_hold(open.session, session))
    return;
  const bool waits =
      holders_.want(session.account, [weak = weak_from_this(), id = open.session](bool released) {
        if (const auto self = weak.lock())
          self->given_way(id, released);
      });
  if (!waits)
    refuse(open.session, why_not(session.account));
}

bool MaildropLink::try_to_hold(std::uint64_t id, Session& session) {
  auto lock = store_.lock_maildrop(session.account);
  if (!lock)
    return false;
  session.holds = true;
  holders_.hold(session.account, [weak = weak_from_this(), id] {
    if (const auto self = weak.lock())
      self->link_.send(ipc::MaildropWanted{id});
  });
  store_.open_maildrop(std::move(*lock),
                       [weak = weak_from_this(), id](ReadResult<std::shared_ptr<Maildrop>> result) {
                         if (const auto self = weak.lock())
                           self->opened(id, std::move(result));
                       });
  return true;
}

// When a session is gone and what it asked for is still under way at the disk, the maildrop is not
// free, and yet in nobody's use.
ipc::MaildropOutcome MaildropLink::why_not(AccountId account) const {
  return holders_.is_held(account) ? ipc::MaildropOutcome::in_use : ipc::MaildropOutcome::temporary;
}

// The holder has answered.
void MaildropLink::given_way(std::uint64_t id, bool released) {
  const auto session = sessions_.find(id);
  if (session == sessions_.end())
    return;
  if (!released || !try_to_hold(id, session->second))
    refuse(id, why_not(session->second.account));
}

void MaildropLink::opened(std::uint64_t id, ReadResult<std::shared_ptr<Maildrop>> result) {
  const auto session = sessions_.find(id);
  if (session == sessions_.end())
    return; // closed meanwhile
  if (!result) {
    context_.log.error("maildrop.unreadable", {{"why", result.error().text}});
    return refuse(id, ipc::MaildropOutcome::temporary);
  }
  session->second.maildrop = std::move(*result);
  for (const std::string& note : session->second.maildrop->notes())
    context_.log.warning("maildrop.left_alone", {{"what", note}});
  ipc::MaildropOpened opened{id, ipc::MaildropOutcome::open, 0, 0};
  const auto& messages = session->second.maildrop->messages();
  opened.messages = static_cast<std::uint32_t>(messages.size());
  opened.octets = messages.octets();
  link_.send(opened);
}

void MaildropLink::refuse(std::uint64_t session, ipc::MaildropOutcome outcome) {
  end(session);
  link_.send(ipc::MaildropOpened{session, outcome, 0, 0});
}

void MaildropLink::on(const ipc::MaildropKept& kept) {
  const auto session = sessions_.find(kept.session);
  if (session != sessions_.end() && session->second.holds)
    holders_.keep(session->second.account);
}

void MaildropLink::on(const ipc::CloseMaildrop& close) {
  end(close.session);
}

void MaildropLink::end(std::uint64_t id) {
  const auto node = sessions_.extract(id);
  if (!node)
    return;
  const AccountId account = node.mapped().account;
  if (!node.mapped().holds)
    return holders_.give_up(account);
  node.mapped().maildrop.reset(); // before somebody else looks whether it is free
  holders_.release(account);
}

// ---- Listing

void MaildropLink::on(const ipc::ListMessages& list) {
  const auto session = sessions_.find(list.session);
  if (session == sessions_.end() || !session->second.maildrop)
    return link_.refuse("a listing of a maildrop that is not open");
  const auto& messages = session->second.maildrop->messages();
  if (list.first >= messages.size() || list.most == 0)
    return link_.refuse("a listing of messages that are not there");
  const std::size_t end =
      list.first + std::min<std::size_t>(list.most, messages.size() - list.first);
  if (list.column == ipc::MaildropColumn::sizes) {
    ipc::MessageSizes answer{list.session, list.first, {}};
    for (std::size_t i = list.first; i < end; ++i)
      if (!answer.sizes.push(messages.wire_size(i)))
        break;
    link_.send(answer);
  } else {
    ipc::TextPacker<ipc::MessageUidls::packed_max> packer;
    for (std::size_t i = list.first; i < end; ++i)
      if (!packer.push(messages[i].uidl))
        break;
    link_.send(ipc::MessageUidls{list.session, list.first, packer.blob()});
  }
}

// ---- Messages

void MaildropLink::on(const ipc::OpenMessage& open) {
  const auto session = sessions_.find(open.session);
  if (session == sessions_.end() || !session->second.maildrop ||
      session->second.opening >= most_opening ||
      link_.descriptors_waiting() >= most_descriptors_waiting) {
    link_.send(ipc::MessageUnavailable{open.session, open.index, ipc::MessageFault::temporary});
    return;
  }
  if (open.index >= session->second.maildrop->messages().size())
    return link_.refuse("a message that was not listed");
  ++session->second.opening;
  session->second.maildrop->open_message(open.index,
                                         [weak = weak_from_this(), id = open.session,
                                          index = open.index](ReadResult<OpenedMessage> result) {
                                           if (const auto self = weak.lock())
                                             self->message_opened(id, index, std::move(result));
                                         });
}

void MaildropLink::message_opened(std::uint64_t id, std::uint32_t index,
                                  ReadResult<OpenedMessage> result) {
  const auto session = sessions_.find(id);
  if (session == sessions_.end())
    return; // closed meanwhile
  --session->second.opening;
  if (result)
    return send_message(id, index, session->second.maildrop->messages().wire_size(index),
                        std::move(*result));
  // Nothing is wrong with a store that another program has taken a message from.
  const bool gone = result.error().fault == ReadFault::gone;
  if (!gone)
    context_.log.warning("message.unavailable", {{"why", result.error().text}});
  link_.send(ipc::MessageUnavailable{
      id, index, gone ? ipc::MessageFault::gone : ipc::MessageFault::temporary});
}

void MaildropLink::send_message(std::uint64_t session, std::uint32_t index, std::uint64_t wire_size,
                                OpenedMessage message) {
  std::array<std::byte, ipc::MessageContent::content_max> content;
  if (message.stored_size <= content.size() &&
      os::read_cached(message.file.get(), content, 0) == message.stored_size) {
    const auto blob = ipc::Blob<ipc::MessageContent::content_max>::of(
        Bytes(content).first(static_cast<std::size_t>(message.stored_size)));
    link_.send(ipc::MessageContent{session, index, wire_size, *blob});
    return;
  }
  link_.send(ipc::MessageOpened{session, index, wire_size, message.stored_size},
             std::move(message.file));
}

// ---- Removing

void MaildropLink::on(const ipc::Expunge& expunge) {
  // Sent again over a fresh link: what has become of it?
  const auto session = sessions_.find(expunge.session);
  if (session == sessions_.end() || !session->second.maildrop ||
      ledger_.knows(expunge.transaction)) {
    if (!expunge.last)
      return;
    if (!ledger_.knows(expunge.transaction))
      // By a queued before this one, perhaps.
      link_.send(
          ipc::Expunged{expunge.session, expunge.transaction, store_.knows(expunge.transaction)});
    else
      ledger_.ask(expunge.transaction, [weak = weak_from_this(), id = expunge.session,
                                        transaction = expunge.transaction](bool durable) {
        if (const auto self = weak.lock())
          self->link_.send(ipc::Expunged{id, transaction, durable});
      });
    return;
  }
  const std::size_t count = session->second.maildrop->messages().size();
  std::vector<std::size_t>& to_remove = session->second.to_remove;
  for (const std::uint32_t index : expunge.indices.values()) {
    if (index >= count || (!to_remove.empty() && index <= to_remove.back()))
      return link_.refuse("messages to remove that were not listed, or out of order");
    to_remove.push_back(index);
  }
  if (expunge.last)
    remove(expunge.session, session->second, expunge.transaction);
}

void MaildropLink::remove(std::uint64_t id, Session& session, const Id128& transaction) {
  ledger_.begin(transaction);
  // The ledger learns of it even if the link is gone by then; the maildrop lives until it has.
  session.maildrop->expunge(transaction, std::exchange(session.to_remove, {}),
                            [&ledger = ledger_, &log = context_.log, maildrop = session.maildrop,
                             transaction, weak = weak_from_this(),
                             id](ReadResult<Expunged> result) {
                              const bool durable = result.has_value();
                              if (!durable)
                                log.error("expunge.failed", {{"why", result.error().text}});
                              ledger.finish(transaction, durable);
                              if (const auto self = weak.lock())
                                self->link_.send(ipc::Expunged{id, transaction, durable});
                            });
}

} // namespace letterlock::queued
