// Pop3Service: the listeners and sessions of pop3d, by generations of the configuration.
//
// A session keeps the certificates and settings under which it began; a reload concerns those that
// come after it. At the limit of sessions nothing is accepted: who comes then waits in the kernel's
// backlog, where another worker may take it. Nor has one address all of them.
#pragma once

#include "common/io/acceptor.h"
#include "common/io/refusal_notice.h"
#include "common/ipc/tls_certificates.h"
#include "common/ipc/tls_signer.h"
#include "common/ipc/worker_limits.h"
#include "pop3d/backend.h"
#include "pop3d/session_adapter.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace letterlock::pop3d {

class Pop3Service {
public:
  // Throws std::runtime_error if TLS cannot be set up.
  explicit Pop3Service(Context& context);

  void on(const ipc::ClientTable& table, UniqueFd memory);
  void on(const ipc::Listener& listener, UniqueFd socket);
  void on(const ipc::Certificate& certificate, UniqueFd file);
  void on(const ipc::Pop3Settings& settings);

  void begin_generation(std::uint32_t);
  // Refuses a certificate that cannot be used, and TLS listeners without any.
  void prepare();
  void switch_generation();
  void discard_generation();
  void connect(const ipc::Peer& peer, UniqueFd socket);
  void stop(std::chrono::milliseconds grace);

private:
  struct OpenListener {
    ipc::Listener listener;
    UniqueFd socket;
  };
  // What the parent has said of a generation so far.
  struct Announced {
    std::vector<OpenListener> listeners;
    ipc::TlsCertificates certificates;
    std::optional<ipc::Pop3Settings> settings;
  };
  struct Generation {
    Terms terms;
    std::size_t connections;
    ClientLimitSettings client_limits;
    std::vector<std::unique_ptr<io::Acceptor>> acceptors;
  };

  // A session and its client's place among those that are counted.
  struct Session {
    ClientLimits::Visit visit;
    std::unique_ptr<SessionAdapter> adapter;
  };

  Expected<Generation> make_generation();
  void accepted(io::Accepted connection, bool tls_first);
  void ended(std::uint64_t number);
  void set_open();

  Context& context_;
  ipc::TlsSigner<Role::pop3d> signer_;
  Announced announced_;
  std::optional<Generation> prepared_;
  std::optional<Generation> serving_;
  Backend backend_;
  AheadBudget ahead_;
  ipc::WorkerLimits limits_;
  std::unordered_map<std::uint64_t, Session> sessions_; // by number
  std::uint64_t last_number_ = 0;
  io::Timer grace_;
  bool stopping_ = false;
  io::FullNotice full_notice_;
  io::RefusalNotice refusal_notice_;
};

} // namespace letterlock::pop3d
