// Taking messages from smtpd into the store.
#include "queued/delivery_link.h"

#include <limits>
#include <utility>

namespace letterlock::queued {

namespace {

ipc::CommitOutcome outcome_of(CommitStatus status, bool again) {
  switch (status) {
  case CommitStatus::committed:
    return ipc::CommitOutcome::durable;
  case CommitStatus::full:
    return ipc::CommitOutcome::full;
  case CommitStatus::refused:
    return ipc::CommitOutcome::refused;
  case CommitStatus::in_doubt:
    return ipc::CommitOutcome::in_doubt;
  case CommitStatus::busy:
    // Nobody has looked whether the first attempt is there, so it cannot be said to have failed.
    return again ? ipc::CommitOutcome::in_doubt : ipc::CommitOutcome::failed;
  case CommitStatus::failed:
    return ipc::CommitOutcome::failed;
  }
  return ipc::CommitOutcome::failed;
}

} // namespace

DeliveryLink::DeliveryLink(Context& context, MessageStore& store, Borrower borrower,
                           const std::uint64_t& max_message_size, const ipc::Peer& peer,
                           UniqueFd socket)
    : context_(context), store_(store), borrower_(borrower), max_message_size_(max_message_size),
      link_(context.loop, std::move(socket), *this, [this, peer](const std::string& why) {
        if (!why.empty())
          context_.log.error("link.breach", {{"peer", "smtpd"}, {"why", why}});
        context_.link_lost(peer);
      }) {}

DeliveryLink::~DeliveryLink() {
  store_.forget_borrower(borrower_);
}

void DeliveryLink::check(const Expected<void>& result) {
  if (!result)
    link_.refuse(result.error().text);
}

void DeliveryLink::on(const ipc::Commit& commit) {
  auto delivery = assembler_.on(commit, borrower_);
  if (!delivery)
    return link_.refuse(delivery.error().text);
  if (delivery->wire_size > max_message_size_)
    return link_.refuse("a message over max_message_size");
  leased_.erase(commit.scratch);
  const bool again = delivery->again;
  store_.submit(std::move(*delivery),
                [weak = weak_from_this(), size = commit.size, again](const CommitResult& result) {
                  if (const auto self = weak.lock())
                    self->committed(result, size, again);
                });
}

void DeliveryLink::committed(const CommitResult& result, std::uint64_t size, bool again) {
  const std::string id = result.transaction.hex();
  if (result.status == CommitStatus::committed)
    context_.log.info("message.stored", {{"id", id}, {"size", size}});
  else
    context_.log.error("message.not_stored", {{"id", id}, {"size", size}, {"why", result.text}});
  link_.send(ipc::Committed{result.transaction, outcome_of(result.status, again)});
}

void DeliveryLink::on(const ipc::ScratchRequest& request) {
  if (request.bytes > max_message_size_)
    return link_.refuse("a scratch file over max_message_size");
  request.scratch == 0 ? lease(request) : extend(request);
}

void DeliveryLink::lease(const ipc::ScratchRequest& request) {
  auto lease = store_.lease_scratch(borrower_, request.bytes);
  const auto number = lease ? static_cast<std::uint64_t>(lease->id) : 0;
  if (!lease || number > std::numeric_limits<std::uint32_t>::max()) {
    context_.log.warning(
        "scratch.refused",
        {{"bytes", request.bytes}, {"why", lease ? "out of numbers" : lease.error().text}});
    link_.send(ipc::ScratchRefused{request.session, ipc::CommitOutcome::full});
    return;
  }
  const auto scratch = static_cast<std::uint32_t>(number);
  leased_[scratch] = request.bytes;
  link_.send(ipc::ScratchLeased{request.session, scratch, request.bytes}, std::move(lease->file));
}

void DeliveryLink::extend(const ipc::ScratchRequest& request) {
  const auto leased = leased_.find(request.scratch);
  if (leased == leased_.end())
    return link_.refuse("a scratch file that it does not hold");
  if (request.bytes > leased->second) {
    if (!store_.grow_scratch(borrower_, ScratchId{request.scratch},
                             request.bytes - leased->second)) {
      link_.send(ipc::ScratchRefused{request.session, ipc::CommitOutcome::full});
      return;
    }
    leased->second = request.bytes;
  }
  link_.send(ipc::ScratchExtended{request.session, request.scratch, leased->second});
}

void DeliveryLink::on(const ipc::ScratchReturned& returned) {
  if (leased_.erase(returned.scratch) == 0)
    return link_.refuse("a scratch file that it does not hold");
  store_.return_scratch(borrower_, ScratchId{returned.scratch});
}

} // namespace letterlock::queued
