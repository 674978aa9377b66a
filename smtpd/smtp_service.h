// SmtpService: takes mail from clients on port 25 and brings it to queued. One worker of several.
#pragma once

#include "common/io/acceptor.h"
#include "common/io/refusal_notice.h"
#include "common/ipc/tls_signer.h"
#include "smtpd/content_memory.h"
#include "smtpd/context.h"
#include "smtpd/delivery_queue.h"
#include "smtpd/door.h"
#include "smtpd/generation.h"
#include "smtpd/name_desk.h"
#include "smtpd/session_adapter.h"
#include "smtpd/timeouts.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace letterlock::smtpd {

class SmtpService {
public:
  // CONTEXT must outlive this. Throws std::runtime_error if the TLS library cannot be used. To be
  // made before the sandbox is entered.
  explicit SmtpService(Context& context, const Timeouts& timeouts = {});

  void on(const ipc::ClientTable& table, UniqueFd memory);

  // The parts of a generation.
  void on(const ipc::Listener& listener, UniqueFd socket) { next_.on(listener, std::move(socket)); }
  void on(const ipc::Certificate& certificate, UniqueFd file) {
    next_.on(certificate, std::move(file));
  }
  void on(const ipc::SmtpSettings& settings) { next_.on(settings); }
  void on(const ipc::AllowedNetwork& network) { next_.on(network); }
  void on(const ipc::AllowedName& name) { next_.on(name); }
  void on(const ipc::LocalDomain& domain) { next_.on(domain); }
  void on(const ipc::BlockedAddress& address) { next_.on(address); }
  void on(const ipc::AddressRoute& route) { next_.on(route); }

  void begin_generation(std::uint32_t);
  void prepare();
  // Open sessions go on: with the new settings from their next command on, in the TLS they have.
  void switch_generation();
  void discard_generation();
  void connect(const ipc::Peer& peer, UniqueFd socket);
  // Finished when no session is open and no message is without an outcome, or after GRACE and the
  // time in which the sessions that are left hear 421.
  void stop(std::chrono::milliseconds grace);

  std::size_t sessions() const { return sessions_.size(); }
  // Clients whose name is being looked up.
  std::size_t waiting() const { return waiting_.size(); }

private:
  // A client that was admitted as far as its name.
  struct Waiting {
    io::Accepted accepted;
    bool tls_first;
    ClientLimits::Visit visit;
    NameDesk::Ticket ticket{};
  };
  void accept(io::Accepted accepted, bool tls_first);
  // Before TLS there is nothing that could be said.
  void refuse(io::Accepted accepted, bool tls_first, const Reply& reply, std::string_view why);
  void begin_session(io::Accepted accepted, bool tls_first, ClientLimits::Visit visit,
                     std::optional<ipc::HostName> name);
  void look_up_name(std::uint64_t number);
  void name_checked(std::uint64_t number, const NameCheck& check);
  void judge_waiting_again();
  // Whether no further client may come for now.
  bool is_full() const { return sessions_.size() + waiting_.size() >= generation_->connections; }
  void ended(std::uint64_t number);
  void open_acceptors();
  void finish_if_idle();
  void grace_is_over();

  Context& context_;
  const Timeouts timeouts_;
  ipc::TlsSigner<Role::smtpd> signer_;
  ContentMemory memory_;
  Id128Source ids_;
  Door door_; // before the sessions, which it outlives
  DeliveryQueue deliveries_;
  NameDesk names_;
  GenerationBuilder next_;
  std::shared_ptr<const Generation> prepared_;
  std::shared_ptr<const Generation> generation_;
  std::vector<std::unique_ptr<io::Acceptor>> acceptors_;
  std::uint64_t last_session_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<SessionAdapter>> sessions_;
  std::unordered_map<std::uint64_t, Waiting> waiting_; // numbered as sessions are
  io::FullNotice full_notice_;
  io::RefusalNotice refusal_notice_;
  io::RefusalNotice recipient_notice_;
  bool stopping_ = false;
  io::Timer grace_;
  io::Timer farewell_;
};

} // namespace letterlock::smtpd
