// Maildrops for pop3d.
#include "queued/maildrop_link.h"

#include <limits>
#include <utility>

namespace letterlock::queued {

namespace {

// Descriptors that the peer has not taken yet count against our limit of open files.
constexpr std::size_t most_descriptors_waiting = 256;

} // namespace

MaildropLink::MaildropLink(Context& context, MessageStore& store, GrantTable& grants,
                           ExpungeLedger& ledger, const ipc::Peer& peer, UniqueFd socket)
    : context_(context), store_(store), grants_(grants), ledger_(ledger), instance_(peer.instance),
      link_(context.loop, std::move(socket), *this, [this, peer](const std::string& why) {
        if (!why.empty())
          context_.log.error("link.breach", {{"peer", "pop3d"}, {"why", why}});
        // Nobody can close them any more.
        sessions_.clear();
        listing_.clear();
        context_.link_lost(peer);
      }) {
  link_.when_drained([this] { list(); });
}

// ---- Opening and listing

void MaildropLink::on(const ipc::OpenMaildrop& open) {
  if (sessions_.contains(open.session))
    return link_.refuse("a session that is open already");
  const auto refuse = [&](ipc::MaildropOutcome outcome) {
    link_.send(ipc::MaildropOpened{open.session, outcome, 0});
  };
  const auto account = grants_.take(open.grant, instance_, std::chrono::steady_clock::now());
  if (!account)
    return refuse(ipc::MaildropOutcome::refused);
  auto lock = store_.lock_maildrop(AccountId{*account});
  if (!lock)
    return refuse(ipc::MaildropOutcome::in_use);
  sessions_.try_emplace(open.session);
  store_.open_maildrop(std::move(*lock), [weak = weak_from_this(), session = open.session](
                                             ReadResult<std::shared_ptr<Maildrop>> result) {
    if (const auto self = weak.lock())
      self->opened(session, std::move(result));
  });
}

void MaildropLink::opened(std::uint64_t id, ReadResult<std::shared_ptr<Maildrop>> result) {
  const auto session = sessions_.find(id);
  if (session == sessions_.end())
    return; // closed meanwhile
  if (!result) {
    context_.log.error("maildrop.unreadable", {{"why", result.error().text}});
    sessions_.erase(session);
    link_.send(ipc::MaildropOpened{id, ipc::MaildropOutcome::temporary, 0});
    return;
  }
  session->second.maildrop = std::move(*result);
  for (const std::string& note : session->second.maildrop->notes())
    context_.log.warning("maildrop.left_alone", {{"what", note}});
  const auto count = static_cast<std::uint32_t>(session->second.maildrop->messages().size());
  link_.send(ipc::MaildropOpened{id, ipc::MaildropOutcome::open, count});
  listing_.push_back(id);
  list();
}

void MaildropLink::list() {
  while (!listing_.empty() && !link_.full()) {
    const std::uint64_t id = listing_.front();
    const auto session = sessions_.find(id);
    if (session == sessions_.end()) {
      listing_.pop_front();
      continue;
    }
    const auto& messages = session->second.maildrop->messages();
    std::size_t& listed = session->second.listed;
    ipc::MaildropPart part;
    part.session = id;
    while (listed < messages.size() && !part.entries.full()) {
      const StoredMessage& message = messages[listed++];
      // The store makes UIDLs of at most 70 printable characters.
      (void)part.entries.push({message.wire_size, Text<70>::cut(message.uidl)});
    }
    // Sessions take turns: a huge maildrop does not hold up a small one.
    listing_.pop_front();
    if (listed < messages.size())
      listing_.push_back(id);
    if (!part.entries.values().empty())
      link_.send(part);
  }
}

void MaildropLink::on(const ipc::CloseMaildrop& close) {
  sessions_.erase(close.session);
}

// ---- Messages

void MaildropLink::on(const ipc::OpenMessage& open) {
  const auto session = sessions_.find(open.session);
  if (session == sessions_.end() || !session->second.maildrop || session->second.opening_message ||
      link_.descriptors_waiting() >= most_descriptors_waiting) {
    link_.send(ipc::MessageUnavailable{open.session, open.index});
    return;
  }
  if (open.index >= session->second.maildrop->messages().size())
    return link_.refuse("a message that was not listed");
  session->second.opening_message = true;
  session->second.maildrop->open_message(open.index,
                                         [weak = weak_from_this(), id = open.session,
                                          index = open.index](ReadResult<OpenedMessage> result) {
                                           if (const auto self = weak.lock())
                                             self->message_opened(id, index, std::move(result));
                                         });
}

void MaildropLink::message_opened(std::uint64_t session, std::uint32_t index,
                                  ReadResult<OpenedMessage> result) {
  if (const auto found = sessions_.find(session); found != sessions_.end())
    found->second.opening_message = false;
  if (result) {
    link_.send(ipc::MessageOpened{session, index}, std::move(result->file));
    return;
  }
  context_.log.warning("message.unavailable", {{"why", result.error().text}});
  link_.send(ipc::MessageUnavailable{session, index});
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
