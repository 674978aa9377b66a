// NameDesk: finds out from resolvd whether clients have names that may connect.
//
// resolvd is waited for by nobody: while it is away, and when it goes in the middle, the verdict is
// in_doubt at once. The client comes again, as after any fault that passes.
#pragma once

#include "common/ipc/link.h"
#include "smtpd/context.h"
#include "smtpd/generation.h"
#include "smtpd/name_check.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

namespace letterlock::smtpd {

class NameDesk {
public:
  // Unanswered, of all checks together; one that asks beyond that is in doubt.
  static constexpr std::size_t most_questions = 4096;

  enum class Ticket : std::uint64_t {};
  // What came of the check; its verdict is not open.
  using Done = std::function<void(const NameCheck& check)>;

  // CONTEXT outlives this. After PATIENCE a check is in doubt.
  NameDesk(Context& context, std::chrono::milliseconds patience)
      : context_(context), patience_(patience) {}

  void connect(const ipc::Peer& peer, UniqueFd socket);

  // Checks CLIENT against the names of GENERATION. `done` is called once, from the loop and never
  // from inside, unless the ticket is dropped before.
  Ticket ask(const IpAddress& client, std::shared_ptr<const Generation> generation, Done done);
  void drop(Ticket ticket) { checks_.erase(ticket); }

  // From resolvd.
  void on(const ipc::NamesFound& answer);
  void on(const ipc::AddressesFound& answer);

private:
  struct Check {
    NameCheck check;
    std::shared_ptr<const Generation> generation;
    Done done;
    std::unique_ptr<io::Timer> patience;
  };
  // A question that was asked and is not answered, and for whom.
  struct Question {
    Ticket ticket;
    ipc::HostName name; // whose addresses; empty for the first
  };

  // False: resolvd is not there, or does not read.
  template <ipc::Message M> bool ask(M question, Ticket ticket, const ipc::HostName& name);
  // The check that the answer is for, if it is still open.
  Check* take_question(std::uint64_t request, Question& question);
  void finish(Ticket ticket);
  void give_up_all();

  Context& context_;
  const std::chrono::milliseconds patience_;
  std::uint64_t last_ticket_ = 0;
  std::uint64_t last_request_ = 0;
  std::unordered_map<Ticket, Check> checks_;
  std::unordered_map<std::uint64_t, Question> questions_;
  std::unique_ptr<ipc::Link<Role::smtpd, Role::resolvd>> link_;
};

} // namespace letterlock::smtpd
