// Taking messages from smtpd into the store.
#include "queued/delivery_link.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace letterlock::queued {

namespace {

// Descriptors that the peer has not taken yet count against our limit of open files.
constexpr std::size_t most_descriptors_waiting = 256;

ipc::CommitOutcome outcome_of(CommitStatus status, bool again) {
  switch (status) {
  case CommitStatus::committed:
    return ipc::CommitOutcome::durable;
  case CommitStatus::full:
    return ipc::CommitOutcome::full;
  case CommitStatus::over_quota:
    return ipc::CommitOutcome::over_quota;
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
                           const Bounds& bounds, const ipc::Peer& peer, UniqueFd socket)
    : context_(context), store_(store), borrower_(borrower), bounds_(bounds),
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
  const Submitted submitted{commit.size, commit.scratch, delivery->again};
  if (commit.scratch != 0 && leased_.erase(commit.scratch) == 0)
    return link_.refuse("a scratch file that it does not hold");
  // No breach: the limit may have become smaller while the message was on its way.
  if (delivery->wire_size > bounds_.message_size)
    return committed({delivery->transaction,
                      delivery->again ? CommitStatus::in_doubt : CommitStatus::refused,
                      "it is over max_message_size"},
                     submitted);
  store_.submit(std::move(*delivery),
                [weak = weak_from_this(), submitted](const CommitResult& result) {
                  if (const auto self = weak.lock())
                    self->committed(result, submitted);
                });
}

void DeliveryLink::committed(const CommitResult& result, const Submitted& submitted) {
  const std::string id = result.transaction.hex();
  if (result.status == CommitStatus::committed)
    // Under the other id it is in its maildrops; that of a repeat was told before.
    context_.log.info("message.stored",
                      {{"id", id},
                       {"message", result.message == Id128() ? "" : result.message.hex()},
                       {"size", submitted.size}});
  else if (result.status == CommitStatus::over_quota)
    context_.log.warning("message.over_quota",
                         {{"id", id}, {"size", submitted.size}, {"why", result.text}});
  else
    context_.log.error("message.not_stored",
                       {{"id", id}, {"size", submitted.size}, {"why", result.text}});
  // The commit has ended the lease, whatever became of it.
  if (submitted.scratch != 0)
    store_.return_scratch(borrower_, ScratchId{submitted.scratch});
  link_.send(ipc::Committed{result.transaction, outcome_of(result.status, submitted.again)});
}

void DeliveryLink::on(const ipc::ScratchRequest& request) {
  if (std::max(request.bytes, request.expected) > bounds_.message_size)
    return refuse_lease(request, "it is over max_message_size");
  request.scratch == 0 ? lease(request) : extend(request);
}

void DeliveryLink::refuse_lease(const ipc::ScratchRequest& request, std::string_view why) {
  context_.log.warning("scratch.refused",
                       {{"bytes", std::max(request.bytes, request.expected)}, {"why", why}});
  link_.send(ipc::ScratchRefused{request.session, ipc::CommitOutcome::full});
}

void DeliveryLink::lease(const ipc::ScratchRequest& request) {
  // One smtpd does not get the descriptors of all.
  if (leased_.size() + leases_asked_ >= bounds_.leases ||
      link_.descriptors_waiting() >= most_descriptors_waiting)
    return refuse_lease(request, "it holds enough");
  ++leases_asked_;
  store_.lease_scratch(borrower_, {request.bytes, request.expected},
                       [weak = weak_from_this(), &store = store_, borrower = borrower_,
                        request](Expected<ScratchLease> lease) {
                         if (const auto self = weak.lock())
                           self->leased(request, std::move(lease));
                         else if (lease)
                           store.forget_borrower(borrower);
                       });
}

void DeliveryLink::leased(const ipc::ScratchRequest& request, Expected<ScratchLease> lease) {
  --leases_asked_;
  if (!lease)
    return refuse_lease(request, lease.error().text);
  const auto number = static_cast<std::uint64_t>(lease->id);
  if (number > std::numeric_limits<std::uint32_t>::max()) {
    store_.return_scratch(borrower_, lease->id);
    return refuse_lease(request, "out of numbers");
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
