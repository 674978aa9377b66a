// DeliveryLink: the end of the link to one smtpd. It takes messages into the store.
#pragma once

#include "common/ipc/child_process.h"
#include "queued/delivery_assembler.h"

#include <memory>
#include <unordered_map>

namespace letterlock::queued {

using Context = ipc::ChildContext<Role::queued>;

// Completions of the store may come after the link is gone, so it is shared with them, weakly.
class DeliveryLink : public std::enable_shared_from_this<DeliveryLink> {
public:
  // What the configuration allows one smtpd; it changes with reloads.
  struct Bounds {
    // The most that any generation has allowed: smtpd may be in the middle of a message of the last
    // one, or have switched to the next one before us.
    std::uint64_t message_size = 0;
    std::size_t leases = 0; // scratch files held at once
  };

  // `borrower` was never used before. The other references outlive the link.
  DeliveryLink(Context& context, MessageStore& store, Borrower borrower, const Bounds& bounds,
               const ipc::Peer& peer, UniqueFd socket);
  ~DeliveryLink();

  void on(const ipc::Begin& begin) { check(assembler_.on(begin)); }
  void on(const ipc::Recipient& recipient) { check(assembler_.on(recipient)); }
  void on(const ipc::Content& content) { check(assembler_.on(content)); }
  void on(const ipc::Commit& commit);
  void on(const ipc::ScratchRequest& request);
  void on(const ipc::ScratchReturned& returned);

  void tell(const ipc::AccountRoom& room) { link_.send(room); }
  void greet() { link_.send(ipc::Serving{}); } // before any tell()

private:
  void check(const Expected<void>& result);
  struct Submitted {
    std::uint64_t size;
    std::uint32_t scratch;
    bool again;
  };
  void committed(const CommitResult& result, const Submitted& submitted);
  void refuse_lease(const ipc::ScratchRequest& request, std::string_view why);
  void lease(const ipc::ScratchRequest& request);
  void leased(const ipc::ScratchRequest& request, Expected<ScratchLease> lease);
  void extend(const ipc::ScratchRequest& request);

  Context& context_;
  MessageStore& store_;
  const Borrower borrower_;
  const Bounds& bounds_;
  DeliveryAssembler assembler_;
  std::unordered_map<std::uint32_t, std::uint64_t> leased_; // bytes by scratch number
  std::size_t leases_asked_ = 0;                            // of the store, not there yet
  ipc::Link<Role::queued, Role::smtpd> link_;
};

} // namespace letterlock::queued
