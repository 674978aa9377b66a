// ScratchDesk: leases of scratch files from queued, across losses of the link to it.
//
// A request that waits when the link is lost is made again on the next one, up to a limit of time.
// A lease ends with the link that it came by: its file stays readable, but queued knows nothing of
// it any more.
#pragma once

#include "common/ipc/link.h"
#include "smtpd/session_requests.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>

namespace letterlock::smtpd {

using QueueLink = ipc::Link<Role::smtpd, Role::queued>;

// Called from the loop only. It may close its ticket in any of these calls.
class ScratchBorrower {
public:
  virtual ~ScratchBorrower() = default;
  // BYTES is at least what was asked for. The file is empty.
  virtual void scratch_leased(UniqueFd file, std::uint32_t scratch, std::uint64_t bytes) = 0;
  virtual void scratch_extended(std::uint64_t bytes) = 0;
  // A lease that was to be extended goes on.
  virtual void scratch_refused(StorageFault fault) = 0;
  virtual void link_lost() = 0;
  virtual void link_found() = 0;
};

class ScratchDesk {
public:
  enum class Ticket : std::uint64_t {};
  using Clock = std::chrono::steady_clock;

  bool link_up() const { return link_ != nullptr; }

  // The borrower, which must outlive its ticket, is told of the link from now on.
  Ticket open(ScratchBorrower& borrower);
  // Nothing is told any more. A lease that is on its way goes back by itself.
  void close(Ticket ticket);

  // One at a time for each ticket; the answer never comes from inside the call. A lease is refused
  // if there is no room for EXPECTED, though only BYTES are booked.
  void ask_lease(Ticket ticket, std::uint64_t bytes, std::uint64_t expected) {
    ask(ticket, {0, bytes, expected});
  }
  void ask_extension(Ticket ticket, std::uint32_t scratch, std::uint64_t bytes) {
    ask(ticket, {scratch, bytes, 0});
  }
  // Refused as `failed` if the link, which is not there, does not come in time.
  void wait_for_link(Ticket ticket);
  // The content is not wanted any more. Not for a lease whose link is lost, or that a commit ended.
  void give_back(std::uint32_t scratch);

  // What the owner of the link reports.
  void link_found(QueueLink& link);
  void link_lost();
  void on(const ipc::ScratchLeased& leased, UniqueFd file);
  void on(const ipc::ScratchExtended& extended);
  void on(const ipc::ScratchRefused& refused);
  // Refuses all that have waited without a link since then. False: nobody waits any more.
  bool expire(Clock::time_point since);

private:
  struct Request {
    std::uint32_t scratch; // 0: a new one
    std::uint64_t bytes;
    std::uint64_t expected;
  };
  struct Customer {
    ScratchBorrower* borrower;
    std::optional<Request> request;
    std::optional<Clock::time_point> without_link_since;
  };

  void ask(Ticket ticket, Request request);
  void send(Ticket ticket, const Request& request);
  // Who asked for exactly this, if it still wants it; its request is answered with that.
  ScratchBorrower* take_asker(std::uint64_t ticket, std::uint32_t scratch);
  template <class Call> void tell_all(Call call);

  QueueLink* link_ = nullptr;
  std::uint64_t last_ticket_ = 0;
  std::unordered_map<std::uint64_t, Customer> customers_;
};

} // namespace letterlock::smtpd
