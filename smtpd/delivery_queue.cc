// Sending messages to queued, and sending them again.
#include "smtpd/delivery_queue.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace letterlock::smtpd {

namespace {

static_assert(mail::Mailbox::max_size <= ipc::AddressText::capacity,
              "every address can be sent to queued");

ipc::AddressText address_text(const mail::Mailbox& mailbox) {
  return *ipc::AddressText::from(mailbox.text());
}

std::string_view name_of(ipc::CommitOutcome outcome) {
  switch (outcome) {
  case ipc::CommitOutcome::durable:
    return "durable";
  case ipc::CommitOutcome::full:
    return "full";
  case ipc::CommitOutcome::over_quota:
    return "over_quota";
  case ipc::CommitOutcome::failed:
    return "failed";
  case ipc::CommitOutcome::refused:
    return "refused";
  case ipc::CommitOutcome::in_doubt:
    return "unknown";
  }
  return "unknown";
}

ipc::CommitOutcome outcome_of(StorageFault fault) {
  switch (fault) {
  case StorageFault::full:
    return ipc::CommitOutcome::full;
  case StorageFault::over_quota:
    return ipc::CommitOutcome::over_quota;
  case StorageFault::failed:
    return ipc::CommitOutcome::failed;
  case StorageFault::refused:
    return ipc::CommitOutcome::refused;
  }
  return ipc::CommitOutcome::failed;
}

} // namespace

DeliveryQueue::DeliveryQueue(Context& context, std::chrono::milliseconds relink)
    : context_(context), relink_(relink), sending_(context.loop, [this] { send_ready(); }),
      watch_(context.loop, [this] { give_up_waiting(); }) {
  watch_waiting();
}

// ---- The link

void DeliveryQueue::connect(const ipc::Peer& peer, UniqueFd socket) {
  link_lost();
  rooms_.forget();
  link_ = std::make_unique<QueueLink>(
      context_.loop, std::move(socket), *this, [this, peer](const std::string& why) {
        if (!why.empty())
          context_.log.error("link.breach", {{"peer", "queued"}, {"why", why}});
        link_lost();
        context_.link_lost(peer);
      });
  link_->when_drained([this] {
    if (!ready_.empty())
      sending_.schedule();
  });
  desk_.link_found(*link_);
  std::vector<Id128> given_up;
  for (auto& [transaction, delivery] : held_) {
    delivery.without_link_since.reset();
    if (delivery.losses == most_losses)
      given_up.push_back(transaction);
    else
      make_ready(transaction);
  }
  for (const Id128& transaction : given_up)
    conclude(transaction, ipc::CommitOutcome::in_doubt);
}

void DeliveryQueue::link_lost() {
  if (!link_)
    return;
  link_->drain();
  // First what may still ask for the link, then the link.
  const auto lost = std::move(link_);
  ready_.clear();
  for (auto& [transaction, delivery] : held_) {
    // One that queued never read was not lost by what was sent on it.
    if (std::exchange(delivery.sent, false) && is_served_)
      ++delivery.losses;
    if (!delivery.without_link_since)
      delivery.without_link_since = Clock::now();
  }
  is_served_ = false;
  desk_.link_lost();
  watch_waiting();
}

// Looks often enough that nobody waits much longer than the limit.
void DeliveryQueue::watch_waiting() {
  if (!watch_.running())
    watch_.start(relink_ / 8);
}

void DeliveryQueue::give_up_waiting() {
  const auto since = Clock::now() - relink_;
  bool waiting = desk_.expire(since) || !link_;
  std::vector<std::pair<Id128, bool>> given_up;
  for (const auto& [transaction, delivery] : held_) {
    if (delivery.without_link_since && *delivery.without_link_since <= since)
      given_up.emplace_back(transaction, delivery.again);
    waiting = waiting || delivery.without_link_since;
  }
  for (const auto& [transaction, was_sent] : given_up)
    conclude(transaction, was_sent ? ipc::CommitOutcome::in_doubt : ipc::CommitOutcome::failed);
  if (waiting)
    watch_waiting();
}

// ---- Messages

void DeliveryQueue::deliver(Commit commit, std::uint64_t received,
                            std::unique_ptr<ContentSpool> content, Origin origin,
                            std::function<void(ipc::CommitOutcome)> answer) {
  const Id128 transaction = commit.transaction;
  content->on_change([this, transaction] { make_ready(transaction); });
  content->finish();
  Delivery delivery{.commit = std::move(commit),
                    .received = received,
                    .content = std::move(content),
                    .origin = std::move(origin),
                    .answer = std::move(answer),
                    .without_link_since = {}};
  if (!link_)
    delivery.without_link_since = Clock::now();
  held_.emplace(transaction, std::move(delivery));
  make_ready(transaction);
}

void DeliveryQueue::abandon(const Id128& transaction) {
  if (const auto found = held_.find(transaction); found != held_.end())
    found->second.answer = nullptr;
}

void DeliveryQueue::make_ready(const Id128& transaction) {
  ready_.push_back(transaction);
  sending_.schedule();
}

void DeliveryQueue::send_ready() {
  while (!ready_.empty() && !(link_ && link_->full())) {
    const Id128 transaction = ready_.front();
    ready_.pop_front();
    consider(transaction);
  }
}

// Without a link, or before its content is settled, a message waits; both make it ready again.
void DeliveryQueue::consider(const Id128& transaction) {
  const auto found = held_.find(transaction);
  if (found == held_.end() || found->second.sent)
    return;
  Delivery& delivery = found->second;
  if (const auto fault = delivery.content->fault())
    return conclude(transaction,
                    delivery.again ? ipc::CommitOutcome::in_doubt : outcome_of(*fault));
  if (!link_ || !delivery.content->settled())
    return;
  if (!send(delivery))
    conclude(transaction, ipc::CommitOutcome::failed);
}

// False if it cannot be said in messages; then nothing was sent. A link that closes meanwhile is no
// failure: its loss is on its way.
bool DeliveryQueue::send(Delivery& delivery) {
  const Commit& commit = delivery.commit;
  const auto trace = decltype(ipc::Commit::trace)::of(as_bytes(commit.trace));
  if (!trace)
    return false;
  const auto& sender = commit.envelope.reverse_path.mailbox();
  link_->send(ipc::Begin{.transaction = commit.transaction,
                         .again = delivery.again,
                         .received = delivery.received,
                         .reverse_path = sender ? address_text(*sender) : ipc::AddressText()});
  delivery.sent = delivery.again = true;
  for (const Recipient& recipient : commit.envelope.recipients)
    link_->send(ipc::Recipient{recipient.account, address_text(recipient.address)});
  for (Bytes rest = delivery.content->held(); !rest.empty();) {
    const Bytes part = rest.first(std::min(rest.size(), ipc::content_part_max));
    link_->send(ipc::Content{*decltype(ipc::Content::part)::of(part)});
    rest = rest.subspan(part.size());
  }
  link_->send(ipc::Commit{.transaction = commit.transaction,
                          .size = commit.counts.stored_size,
                          .wire_size = commit.counts.wire_size,
                          .header_size = commit.counts.header_size,
                          .crc = commit.crc32c,
                          .scratch = delivery.content->scratch(),
                          .trace = *trace});
  delivery.content->committed();
  return true;
}

// The outcome of a message that was given up meanwhile changes nothing.
void DeliveryQueue::on(const ipc::Committed& committed) {
  const auto found = held_.find(committed.transaction);
  if (found != held_.end() && found->second.sent)
    conclude(committed.transaction, committed.outcome);
}

void DeliveryQueue::conclude(const Id128& transaction, ipc::CommitOutcome outcome) {
  const auto node = held_.extract(transaction);
  if (node.empty())
    return;
  Delivery& delivery = node.mapped();
  if (outcome == ipc::CommitOutcome::durable)
    log_accepted(delivery);
  else
    context_.log.warning(
        "message.not_accepted",
        {{"id", transaction.hex()}, {"peer", delivery.origin.peer}, {"why", name_of(outcome)}});
  if (delivery.answer)
    delivery.answer(outcome);
  if (held_.empty() && on_idle_)
    on_idle_();
}

void DeliveryQueue::log_accepted(const Delivery& delivery) {
  const Commit& commit = delivery.commit;
  context_.log.info("message.accepted", {{"id", commit.transaction.hex()},
                                         {"peer", delivery.origin.peer},
                                         {"helo", delivery.origin.helo},
                                         {"from", commit.envelope.reverse_path.text()},
                                         {"recipients", commit.envelope.recipients.size()},
                                         {"size", commit.counts.wire_size},
                                         {"tls", delivery.origin.tls}});
}

} // namespace letterlock::smtpd
