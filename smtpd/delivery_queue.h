// DeliveryQueue: messages on their way to queued, and the link to it across its losses.
//
// A message is sent as one burst (Begin, Recipient…, Content…, Commit) and held until its outcome
// is known. When the link is lost first, it is sent again on the next one, marked so, under the
// same transaction id: queued keeps it once. After Timeouts::relink without a link, or when too
// many were lost with it under way, which may be its own doing, it is given up; then nobody knows
// whether it is there, and the client must get no answer.
#pragma once

#include "smtpd/account_rooms.h"
#include "smtpd/content_spool.h"
#include "smtpd/context.h"
#include "smtpd/scratch_desk.h"
#include "smtpd/session_requests.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace letterlock::smtpd {

// Where a message came from, for the log.
struct Origin {
  std::string peer;
  std::string helo;
  std::string tls; // its version; empty: none
};

class DeliveryQueue {
public:
  // CONTEXT must outlive this.
  DeliveryQueue(Context& context, std::chrono::milliseconds relink);

  ScratchDesk& scratch_desk() { return desk_; }
  const AccountRooms& rooms() const { return rooms_; }

  // The link to queued; it takes the old one's place.
  void connect(const ipc::Peer& peer, UniqueFd socket);

  // Takes over a message that is whole: CONTENT is finished here. ANSWER is called once, from the
  // loop and never from inside the call, unless the message is abandoned; in_doubt: what became of
  // it will never be known.
  void deliver(Commit commit, std::uint64_t received, std::unique_ptr<ContentSpool> content,
               Origin origin, std::function<void(ipc::CommitOutcome)> answer);
  // Nobody waits for the answer any more; the message goes its way.
  void abandon(const Id128& transaction);

  bool idle() const { return held_.empty(); }
  // A queued that takes messages and does not answer must not fill this process. Sessions begin
  // nothing new then.
  bool full() const { return held_.size() >= most_held; }
  // Called each time that the last message has left.
  void on_idle(std::function<void()> callback) { on_idle_ = std::move(callback); }

  // From queued.
  void on(const ipc::Serving&) { is_served_ = true; }
  void on(const ipc::Committed& committed);
  void on(const ipc::ScratchLeased& leased, UniqueFd file) { desk_.on(leased, std::move(file)); }
  void on(const ipc::ScratchExtended& extended) { desk_.on(extended); }
  void on(const ipc::ScratchRefused& refused) { desk_.on(refused); }
  void on(const ipc::AccountRoom& room) { rooms_.learn(room); }

private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t most_held = 4096;
  static constexpr unsigned most_losses = 3;

  struct Delivery {
    Commit commit;
    std::uint64_t received;
    std::unique_ptr<ContentSpool> content;
    Origin origin;
    std::function<void(ipc::CommitOutcome)> answer;
    bool sent = false;   // on this link
    bool again = false;  // it was sent before, on whichever
    unsigned losses = 0; // of links that had it under way, once queued read them
    std::optional<Clock::time_point> without_link_since;
  };

  void link_lost();
  void make_ready(const Id128& transaction);
  void send_ready();
  void consider(const Id128& transaction);
  bool send(Delivery& delivery);
  void conclude(const Id128& transaction, ipc::CommitOutcome outcome);
  void log_accepted(const Delivery& delivery);
  void watch_waiting();
  void give_up_waiting();

  Context& context_;
  const std::chrono::milliseconds relink_;
  std::unique_ptr<QueueLink> link_;
  bool is_served_ = false; // queued has begun to read it
  ScratchDesk desk_;
  AccountRooms rooms_;
  std::unordered_map<Id128, Delivery, Id128Hash> held_;
  std::deque<Id128> ready_; // to be looked at, in order; some may be gone
  io::Deferred sending_;
  io::Timer watch_;
  std::function<void()> on_idle_;
};

} // namespace letterlock::smtpd
