// Requests for scratch files and their answers.
#include "smtpd/scratch_desk.h"

#include <utility>
#include <vector>

namespace letterlock::smtpd {

namespace {

StorageFault fault_of(ipc::CommitOutcome outcome) {
  switch (outcome) {
  case ipc::CommitOutcome::full:
    return StorageFault::full;
  case ipc::CommitOutcome::over_quota:
    return StorageFault::over_quota;
  default:
    return StorageFault::failed;
  }
}

} // namespace

ScratchDesk::Ticket ScratchDesk::open(ScratchBorrower& borrower) {
  const auto ticket = ++last_ticket_;
  customers_.emplace(ticket, Customer{&borrower, {}, {}});
  return Ticket{ticket};
}

void ScratchDesk::close(Ticket ticket) {
  customers_.erase(std::to_underlying(ticket));
}

void ScratchDesk::ask(Ticket ticket, Request request) {
  Customer& customer = customers_.at(std::to_underlying(ticket));
  customer.request = request;
  if (link_up())
    send(ticket, request);
  else
    wait_for_link(ticket);
}

void ScratchDesk::send(Ticket ticket, const Request& request) {
  link_->send(ipc::ScratchRequest{std::to_underlying(ticket), request.scratch, request.bytes,
                                  request.expected});
}

void ScratchDesk::wait_for_link(Ticket ticket) {
  Customer& customer = customers_.at(std::to_underlying(ticket));
  if (!customer.without_link_since)
    customer.without_link_since = Clock::now();
}

void ScratchDesk::give_back(std::uint32_t scratch) {
  if (link_up())
    link_->send(ipc::ScratchReturned{scratch});
}

ScratchBorrower* ScratchDesk::take_asker(std::uint64_t ticket, std::uint32_t scratch) {
  const auto found = customers_.find(ticket);
  if (found == customers_.end() || !found->second.request ||
      found->second.request->scratch != scratch)
    return nullptr;
  found->second.request.reset();
  found->second.without_link_since.reset();
  return found->second.borrower;
}

void ScratchDesk::on(const ipc::ScratchLeased& leased, UniqueFd file) {
  if (leased.scratch == 0)
    return link_->refuse("a lease without a number");
  ScratchBorrower* const asker = take_asker(leased.session, 0);
  if (asker == nullptr)
    return give_back(leased.scratch);
  asker->scratch_leased(std::move(file), leased.scratch, leased.bytes);
}

void ScratchDesk::on(const ipc::ScratchExtended& extended) {
  if (ScratchBorrower* const asker = take_asker(extended.session, extended.scratch))
    asker->scratch_extended(extended.bytes);
}

void ScratchDesk::on(const ipc::ScratchRefused& refused) {
  const auto found = customers_.find(refused.session);
  if (found == customers_.end() || !found->second.request)
    return;
  found->second.request.reset();
  found->second.without_link_since.reset();
  found->second.borrower->scratch_refused(fault_of(refused.outcome));
}

// Being told, one may close its ticket and others open theirs.
template <class Call> void ScratchDesk::tell_all(Call call) {
  std::vector<std::uint64_t> tickets;
  tickets.reserve(customers_.size());
  for (const auto& [ticket, customer] : customers_)
    tickets.push_back(ticket);
  for (const auto ticket : tickets)
    if (const auto found = customers_.find(ticket); found != customers_.end())
      call(Ticket{ticket}, found->second);
}

void ScratchDesk::link_found(QueueLink& link) {
  link_ = &link;
  tell_all([this](Ticket ticket, Customer& customer) {
    customer.without_link_since.reset();
    if (customer.request)
      send(ticket, *customer.request);
    customer.borrower->link_found();
  });
}

void ScratchDesk::link_lost() {
  link_ = nullptr;
  tell_all([this](Ticket ticket, Customer& customer) {
    if (customer.request && customer.request->scratch != 0)
      customer.request.reset();
    if (customer.request)
      wait_for_link(ticket);
    customer.borrower->link_lost();
  });
}

bool ScratchDesk::expire(Clock::time_point since) {
  tell_all([since](Ticket, Customer& customer) {
    if (!customer.without_link_since || *customer.without_link_since > since)
      return;
    customer.request.reset();
    customer.without_link_since.reset();
    customer.borrower->scratch_refused(StorageFault::failed);
  });
  bool waiting = false;
  for (const auto& [ticket, customer] : customers_)
    waiting = waiting || customer.without_link_since;
  return waiting;
}

} // namespace letterlock::smtpd
